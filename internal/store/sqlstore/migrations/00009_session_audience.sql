-- readable_since: 9
--
-- The service that the tokens of a sign-in are for: a refresh keeps it. Empty is
-- the audience of a token without a wish.

-- +goose Up
ALTER TABLE sessions ADD COLUMN audience TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE sessions DROP COLUMN audience;
