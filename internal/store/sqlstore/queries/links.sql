-- name: AccountByLink :one
SELECT sqlc.embed(accounts), sqlc.embed(identifiers)
FROM links JOIN accounts ON accounts.id = links.account_id
    JOIN identifiers ON identifiers.account_id = accounts.id AND identifiers.is_primary
WHERE links.issuer = @issuer AND links.sub = @sub;

-- name: Links :many
-- They are few: the caller sorts them.
SELECT * FROM links WHERE account_id = @account_id LIMIT @most;

-- name: InsertLink :exec
INSERT INTO links (issuer, sub, account_id, created_at) VALUES (@issuer, @sub, @account_id, @created_at);

-- name: DeleteLink :execrows
DELETE FROM links WHERE issuer = @issuer AND sub = @sub AND account_id = @account_id;
