-- readable_since: 15
--
-- Short-lived state that is used once: see package flow. The version before this
-- one does not know the table.

-- +goose Up
CREATE TABLE flows (
    hash       TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    account_id TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    data       TEXT NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    spent_at   BIGINT
);
CREATE INDEX flows_expires_at ON flows (expires_at);

-- +goose Down
DROP TABLE flows;
