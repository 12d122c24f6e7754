-- readable_since: 7
--
-- What was sent to each verifier: the places after sent_from up to sent_to.
-- Receipts count nothing else as confirmed.

-- +goose Up
ALTER TABLE verifiers ADD COLUMN sent_from BIGINT NOT NULL DEFAULT 0;
ALTER TABLE verifiers ADD COLUMN sent_to BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE verifiers DROP COLUMN sent_to;
ALTER TABLE verifiers DROP COLUMN sent_from;
