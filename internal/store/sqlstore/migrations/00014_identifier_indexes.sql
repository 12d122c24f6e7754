-- readable_since: 14
--
-- An account has one primary identifier. Sessions are found by their parent.

-- +goose NO TRANSACTION
-- +goose Up
DROP INDEX IF EXISTS identifiers_primary;
CREATE UNIQUE INDEX identifiers_primary ON identifiers (account_id) WHERE is_primary;
DROP INDEX IF EXISTS sessions_parent;
CREATE INDEX sessions_parent ON sessions (parent) WHERE parent <> '' AND ended_at IS NULL;

-- +goose Down
DROP INDEX IF EXISTS identifiers_primary;
DROP INDEX IF EXISTS sessions_parent;
