-- readable_since: 16
--
-- How people and programs may get tokens through a client. grants and redirect_uris
-- are JSON lists; empty grants are the default ones of the client's kind, which is
-- what every client could do before. The version before this one does not know the
-- columns, and so does not enforce them while it still runs.

-- +goose Up
ALTER TABLE clients ADD COLUMN grants TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN redirect_uris TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN third_party BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE clients DROP COLUMN third_party;
ALTER TABLE clients DROP COLUMN redirect_uris;
ALTER TABLE clients DROP COLUMN grants;
