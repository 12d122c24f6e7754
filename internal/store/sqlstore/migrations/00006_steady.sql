-- readable_since: 6
--
-- +goose Up
-- steady is a clock that all processes share and that no change of a wall clock
-- moves: milliseconds, 0 until the first process has begun it. See steady.go.
ALTER TABLE revocation_log ADD COLUMN steady BIGINT NOT NULL DEFAULT 0;
-- When the generation began, by that clock; 0 if unknown.
ALTER TABLE sessions ADD COLUMN rotated_at BIGINT NOT NULL DEFAULT 0;
-- Milliseconds, 0 for the default.
ALTER TABLE clients ADD COLUMN refresh_retry BIGINT NOT NULL DEFAULT 0;
ALTER TABLE clients ADD COLUMN no_rotation BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE clients DROP COLUMN no_rotation;
ALTER TABLE clients DROP COLUMN refresh_retry;
ALTER TABLE sessions DROP COLUMN rotated_at;
ALTER TABLE revocation_log DROP COLUMN steady;
