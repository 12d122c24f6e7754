-- readable_since: 8
--
-- The indexes that lists read, in the order in which they list. PostgreSQL builds
-- them CONCURRENTLY (see concurrently), so that a large table stays writable. A
-- build that was interrupted leaves an index that is not valid: it is dropped first.

-- +goose NO TRANSACTION
-- +goose Up
-- With seq, so that a list by time needs no sort.
DROP INDEX IF EXISTS events_at_seq;
CREATE INDEX events_at_seq ON events (at, seq);
-- Living sessions alone: a list must not read those that have ended.
DROP INDEX IF EXISTS sessions_alive;
CREATE INDEX sessions_alive ON sessions (created_at, id) WHERE ended_at IS NULL;
DROP INDEX IF EXISTS sessions_alive_client;
CREATE INDEX sessions_alive_client ON sessions (client_id, created_at, id) WHERE ended_at IS NULL;
DROP INDEX IF EXISTS sessions_account;
CREATE INDEX sessions_account ON sessions (account_id, ended_at, created_at, id);
DROP INDEX IF EXISTS events_at;
DROP INDEX IF EXISTS sessions_newest;
DROP INDEX IF EXISTS sessions_account_newest;

-- +goose Down
DROP INDEX IF EXISTS events_at;
CREATE INDEX events_at ON events (at);
DROP INDEX IF EXISTS sessions_newest;
CREATE INDEX sessions_newest ON sessions (created_at, id);
DROP INDEX IF EXISTS sessions_account_newest;
CREATE INDEX sessions_account_newest ON sessions (account_id, created_at, id);
DROP INDEX IF EXISTS events_at_seq;
DROP INDEX IF EXISTS sessions_alive;
DROP INDEX IF EXISTS sessions_alive_client;
DROP INDEX IF EXISTS sessions_account;
