-- readable_since: 13
--
-- Copy what the columns of the first schema hold. This file has a transaction of
-- its own, so that no lock on a whole table is held while many rows are copied.

-- +goose Up
INSERT INTO credentials (id, account_id, kind, data, label, created_at, changed_at)
SELECT id, id, 'password', password_hash, '', created_at, password_changed_at FROM accounts;
UPDATE identifiers SET kind = CASE WHEN canonical LIKE '%@%' THEN 'email' ELSE 'username' END;

-- +goose Down
DELETE FROM credentials WHERE kind = 'password';
