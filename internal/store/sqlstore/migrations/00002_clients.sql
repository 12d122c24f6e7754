-- readable_since: 2
--
-- +goose Up
-- The newest secret and the one before: rotating is one update. audiences and
-- scopes are JSON lists; lifetimes are milliseconds, 0 for the default.
CREATE TABLE clients (
    id             TEXT PRIMARY KEY,
    name           TEXT NOT NULL,
    kind           TEXT NOT NULL,
    secret         BYTEA,
    secret_at      BIGINT,
    old_secret     BYTEA,
    old_secret_at  BIGINT,
    public_key     TEXT NOT NULL,
    audiences      TEXT NOT NULL,
    scopes         TEXT NOT NULL,
    access_ttl     BIGINT NOT NULL,
    idle           BIGINT NOT NULL,
    absolute       BIGINT NOT NULL,
    no_refresh     BOOLEAN NOT NULL,
    profile        TEXT NOT NULL,
    encryption_key TEXT NOT NULL,
    configured     BOOLEAN NOT NULL,
    created_at     BIGINT NOT NULL,
    disabled_at    BIGINT,
    withdrawn_at   BIGINT
);

-- No foreign key: an assertion stays used when its client is deleted and
-- registered again with the same key.
CREATE TABLE assertions (
    client_id  TEXT NOT NULL,
    jti        TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, jti)
);
CREATE INDEX assertions_expires_at ON assertions (expires_at);

-- +goose Down
DROP TABLE assertions;
DROP TABLE clients;
