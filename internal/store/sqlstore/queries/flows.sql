-- name: InsertFlow :exec
INSERT INTO flows (hash, kind, account_id, client_id, data, version, created_at, expires_at, spent_at)
VALUES (@hash, @kind, @account_id, @client_id, @data, @version, @created_at, @expires_at, @spent_at);

-- name: Flow :one
SELECT * FROM flows WHERE hash = @hash;

-- name: AdvanceFlow :execrows
UPDATE flows SET account_id = @account_id, data = @data, version = version + 1
WHERE hash = @hash AND version = @from_version AND spent_at IS NULL AND expires_at > @now;

-- name: SpendFlow :execrows
UPDATE flows SET spent_at = CAST(@spent_at AS BIGINT)
WHERE hash = @hash AND version = @from_version AND spent_at IS NULL AND expires_at > @now;

-- name: PruneFlows :execrows
DELETE FROM flows WHERE hash IN (
    SELECT old.hash FROM flows AS old WHERE old.expires_at <= @by ORDER BY old.expires_at LIMIT @portion
);
