-- readable_since: 3
--
-- The revocation log and the event log. The one row of revocation_log and of
-- event_log is a lock that orders writers: a transaction that takes a number
-- holds the lock until its commit, so that no reader sees a number before a lower
-- one. A sequence of PostgreSQL would give out numbers in another order than
-- that of the commits.

-- +goose Up
CREATE TABLE revocation_log (
    one   INTEGER PRIMARY KEY,
    epoch BIGINT NOT NULL,
    n     BIGINT NOT NULL,
    salt  BYTEA NOT NULL
);

CREATE TABLE rules (
    seq        BIGINT PRIMARY KEY,
    kind       TEXT NOT NULL,
    value      TEXT NOT NULL,
    mode       TEXT NOT NULL,
    written_at BIGINT NOT NULL,
    prune_at   BIGINT NOT NULL
);
CREATE INDEX rules_prune ON rules (prune_at);

-- What was asked for with an idempotency key, and the rule that came of it.
CREATE TABLE revocation_requests (
    client_id  TEXT NOT NULL,
    request    TEXT NOT NULL,
    kind       TEXT NOT NULL,
    value      TEXT NOT NULL,
    mode       TEXT NOT NULL,
    seq        BIGINT NOT NULL,
    written_at BIGINT NOT NULL,
    prune_at   BIGINT NOT NULL,
    PRIMARY KEY (client_id, request)
);
CREATE INDEX revocation_requests_prune ON revocation_requests (prune_at);

CREATE TABLE event_log (
    one INTEGER PRIMARY KEY,
    n   BIGINT NOT NULL
);

CREATE TABLE events (
    seq        BIGINT PRIMARY KEY,
    id         TEXT NOT NULL,
    type       TEXT NOT NULL,
    at         BIGINT NOT NULL,
    account_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    key_id     TEXT NOT NULL,
    actor      TEXT NOT NULL,
    address    TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    reason     TEXT NOT NULL,
    detail     TEXT NOT NULL
);
CREATE INDEX events_at ON events (at);
CREATE INDEX events_account ON events (account_id, seq);

-- +goose Down
DROP TABLE events;
DROP TABLE event_log;
DROP TABLE revocation_requests;
DROP TABLE rules;
DROP TABLE revocation_log;
