-- name: PutPassword :exec
-- The id of a password is that of its account. The version before this one writes
-- no row.
INSERT INTO credentials (id, account_id, kind, data, label, created_at, changed_at)
VALUES (@account_id, @account_id, 'password', @data, '', @at, @at)
ON CONFLICT (id) DO UPDATE SET data = excluded.data, changed_at = excluded.changed_at;

-- name: RaiseCredentialsVersion :execrows
-- The first statement of every other change of credentials.
UPDATE accounts SET credentials_version = credentials_version + 1
WHERE id = @id AND credentials_version = @version AND disabled_at IS NULL;

-- name: InsertCredential :exec
INSERT INTO credentials (id, account_id, kind, data, label, created_at, changed_at, used_at)
VALUES (@id, @account_id, @kind, @data, @label, @created_at, @changed_at, @used_at);

-- name: Credentials :many
SELECT * FROM credentials WHERE account_id = @account_id ORDER BY created_at, id LIMIT @most;

-- name: ReplaceCredential :one
UPDATE credentials SET data = @data, label = @label, changed_at = @changed_at, used_at = @used_at
WHERE id = @id AND account_id = @account_id AND kind <> 'password' RETURNING kind;

-- name: DeleteCredential :one
DELETE FROM credentials WHERE id = @id AND account_id = @account_id AND kind <> 'password' RETURNING kind;
