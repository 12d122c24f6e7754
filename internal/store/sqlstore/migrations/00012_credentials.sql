-- readable_since: 12
--
-- Room for more than one credential and identifier for each account. This file
-- only adds. accounts.password_hash stays: the version before this one reads and
-- writes it, and both may run on one database. See credentials.go.

-- +goose Up
-- Rises with every change of a credential: a sign-in commits only if it is the
-- one that the sign-in read.
ALTER TABLE accounts ADD COLUMN credentials_version BIGINT NOT NULL DEFAULT 0;
-- A JSON object; empty for none.
ALTER TABLE accounts ADD COLUMN attributes TEXT NOT NULL DEFAULT '';

-- kind is email or username; empty in rows of the version before this one.
ALTER TABLE identifiers ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE identifiers ADD COLUMN is_primary BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE identifiers ADD COLUMN verified_at BIGINT;

-- data is a PHC string, or sealed bytes in base64. The id of a password is that
-- of its account: an account has one at most.
CREATE TABLE credentials (
    id         TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    data       TEXT NOT NULL,
    label      TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX credentials_account ON credentials (account_id, created_at, id);

-- Accounts of other identity providers.
CREATE TABLE links (
    issuer     TEXT NOT NULL,
    sub        TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, sub)
);
CREATE INDEX links_account ON links (account_id);

-- A JSON list of {"method", "at"}; empty in rows of the version before this one,
-- which has method and auth_time alone.
ALTER TABLE sessions ADD COLUMN proofs TEXT NOT NULL DEFAULT '';
-- The session that this one came from; empty for none.
ALTER TABLE sessions ADD COLUMN parent TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE sessions DROP COLUMN parent;
ALTER TABLE sessions DROP COLUMN proofs;
DROP TABLE links;
DROP TABLE credentials;
ALTER TABLE identifiers DROP COLUMN verified_at;
ALTER TABLE identifiers DROP COLUMN is_primary;
ALTER TABLE identifiers DROP COLUMN kind;
ALTER TABLE accounts DROP COLUMN attributes;
ALTER TABLE accounts DROP COLUMN credentials_version;
