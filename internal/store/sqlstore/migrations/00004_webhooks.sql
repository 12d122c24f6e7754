-- readable_since: 4
--
-- +goose Up
-- types is a JSON list. lease_holder is empty while no process delivers; tries
-- numbers the rows of webhook_attempts, of which only the last stay.
CREATE TABLE webhooks (
    id            TEXT PRIMARY KEY,
    client_id     TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    format        TEXT NOT NULL,
    url           TEXT NOT NULL,
    types         TEXT NOT NULL,
    allow_private BOOLEAN NOT NULL,
    generation    BIGINT NOT NULL,
    rotated_at    BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    disabled_at   BIGINT,
    disabled_why  TEXT NOT NULL,
    done_seq      BIGINT NOT NULL,
    failures      BIGINT NOT NULL,
    failing_since BIGINT,
    next_at       BIGINT,
    lease_holder  TEXT NOT NULL,
    lease_until   BIGINT NOT NULL,
    tries         BIGINT NOT NULL
);
CREATE INDEX webhooks_client ON webhooks (client_id);

CREATE TABLE webhook_attempts (
    webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    n          BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    event_id   TEXT NOT NULL,
    type       TEXT NOT NULL,
    at         BIGINT NOT NULL,
    status     BIGINT NOT NULL,
    duration   BIGINT NOT NULL,
    failure    TEXT NOT NULL,
    PRIMARY KEY (webhook_id, n)
);

CREATE TABLE webhook_dead_letters (
    webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    seq        BIGINT NOT NULL,
    event_id   TEXT NOT NULL,
    type       TEXT NOT NULL,
    at         BIGINT NOT NULL,
    status     BIGINT NOT NULL,
    duration   BIGINT NOT NULL,
    failure    TEXT NOT NULL,
    PRIMARY KEY (webhook_id, seq)
);
CREATE INDEX webhook_dead_letters_at ON webhook_dead_letters (at);

-- +goose Down
DROP TABLE webhook_dead_letters;
DROP TABLE webhook_attempts;
DROP TABLE webhooks;
