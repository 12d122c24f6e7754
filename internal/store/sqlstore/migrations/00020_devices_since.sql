-- readable_since: 16
--
-- The time before which device tokens of an account are not accepted: they were ended
-- on request. 0 is none. The version before this one does not know the column.

-- +goose Up
ALTER TABLE accounts ADD COLUMN devices_since BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE accounts DROP COLUMN devices_since;
