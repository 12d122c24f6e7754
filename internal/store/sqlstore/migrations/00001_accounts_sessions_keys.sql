-- readable_since: 1
--
-- One text for SQLite and PostgreSQL: only TEXT, BIGINT, BYTEA, BOOLEAN and
-- INTEGER. Moments are milliseconds since 1970 in UTC; NULL is "not set".

-- +goose Up
CREATE TABLE accounts (
    id                  TEXT PRIMARY KEY,
    password_hash       TEXT NOT NULL,
    created_at          BIGINT NOT NULL,
    password_changed_at BIGINT NOT NULL,
    disabled_at         BIGINT
);
CREATE INDEX accounts_newest ON accounts (created_at, id);

CREATE TABLE identifiers (
    canonical  TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    display    TEXT NOT NULL
);
CREATE INDEX identifiers_account ON identifiers (account_id);

-- A refresh changes generation, used_at, address, user_agent and expires_at:
-- keep these out of every index, so that it stays one write in SQLite and a
-- heap-only update in PostgreSQL.
CREATE TABLE sessions (
    id              TEXT PRIMARY KEY,
    account_id      TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    client_id       TEXT NOT NULL,
    method          TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    auth_time       BIGINT NOT NULL,
    used_at         BIGINT NOT NULL,
    address         TEXT NOT NULL,
    user_agent      TEXT NOT NULL,
    generation      BIGINT NOT NULL,
    salt            BYTEA NOT NULL,
    expires_at      BIGINT NOT NULL,
    absolute_expiry BIGINT NOT NULL,
    ended_at        BIGINT,
    end_reason      TEXT NOT NULL
);
CREATE INDEX sessions_newest ON sessions (created_at, id);
CREATE INDEX sessions_account_newest ON sessions (account_id, created_at, id);
CREATE INDEX sessions_absolute_expiry ON sessions (absolute_expiry);

CREATE TABLE keys (
    kid         TEXT PRIMARY KEY,
    purpose     TEXT NOT NULL,
    seq         BIGINT NOT NULL,
    algorithm   TEXT NOT NULL,
    public      BYTEA NOT NULL,
    sealed      BYTEA NOT NULL,
    created_at  BIGINT,
    activate_at BIGINT,
    retire_at   BIGINT,
    killed_at   BIGINT,
    longest_ttl BIGINT NOT NULL,
    UNIQUE (purpose, seq)
);

CREATE TABLE secrets (
    name   TEXT PRIMARY KEY,
    sealed BYTEA NOT NULL
);

-- +goose Down
DROP TABLE secrets;
DROP TABLE keys;
DROP TABLE sessions;
DROP TABLE identifiers;
DROP TABLE accounts;
