-- readable_since: 11
--
-- A rotation that is repeated within a day keeps the secret from before the first
-- one: the response of the first may have been lost, and its secret with it.

-- +goose Up
ALTER TABLE clients ADD COLUMN older_secret BYTEA;
ALTER TABLE clients ADD COLUMN older_secret_at BIGINT;
ALTER TABLE webhooks ADD COLUMN kept_generation BIGINT NOT NULL DEFAULT 0;
UPDATE webhooks SET kept_generation = generation - 1;

-- +goose Down
ALTER TABLE webhooks DROP COLUMN kept_generation;
ALTER TABLE clients DROP COLUMN older_secret_at;
ALTER TABLE clients DROP COLUMN older_secret;
