-- readable_since: 5
--
-- The verifiers that follow the revocation log, and how far each has come. They
-- report it again within seconds, so it may be lost.

-- +goose Up
CREATE TABLE verifiers (
    client_id  TEXT NOT NULL,
    id         TEXT NOT NULL,
    seq        BIGINT NOT NULL,
    staleness  BIGINT NOT NULL,
    when_stale TEXT NOT NULL,
    key_set    TEXT NOT NULL,
    audience   TEXT NOT NULL,
    seen_at    BIGINT NOT NULL,
    forget_at  BIGINT NOT NULL,
    PRIMARY KEY (client_id, id)
);
CREATE INDEX verifiers_forget ON verifiers (forget_at);

-- +goose Down
DROP TABLE verifiers;
