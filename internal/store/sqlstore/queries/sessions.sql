-- name: InsertSession :exec
INSERT INTO sessions (id, account_id, client_id, method, created_at, auth_time, used_at, address, user_agent,
    generation, salt, expires_at, absolute_expiry, ended_at, end_reason, rotated_at)
VALUES (@id, @account_id, @client_id, @method, @created_at, @auth_time, @used_at, @address, @user_agent,
    @generation, @salt, @expires_at, @absolute_expiry, @ended_at, @end_reason, @rotated_at);

-- name: Session :one
-- With the head of the revocation log in one statement, and so of one snapshot:
-- a token minted from this row knows every rule up to there.
SELECT sqlc.embed(sessions), revocation_log.epoch, revocation_log.n
FROM sessions CROSS JOIN revocation_log WHERE sessions.id = @id;

-- name: SessionOwner :one
SELECT account_id FROM sessions WHERE id = @id;

-- name: RotateSession :execrows
UPDATE sessions
SET generation = @to_generation, rotated_at = @rotated_at, used_at = @used_at, address = @address, user_agent = @user_agent, expires_at = @expires_at
WHERE id = @id AND generation = @from_generation AND ended_at IS NULL;

-- name: EndSession :many
UPDATE sessions SET ended_at = CAST(@at AS BIGINT), end_reason = @reason
WHERE id = @id AND ended_at IS NULL
RETURNING *;

-- name: RecentlyEnded :one
-- Among the newest, so that a flood of them does not make it slow.
SELECT COUNT(*) FROM (
    SELECT ended_at FROM sessions WHERE account_id = @account_id ORDER BY created_at DESC, id DESC LIMIT 32
) AS newest WHERE newest.ended_at > CAST(@since AS BIGINT);

-- name: EndSessions :many
UPDATE sessions SET ended_at = CAST(@at AS BIGINT), end_reason = @reason
WHERE account_id = @account_id AND id <> @except_id AND ended_at IS NULL
    AND (CAST(@begun_by AS BIGINT) = 0 OR created_at <= CAST(@begun_by AS BIGINT))
RETURNING *;

-- name: EndSessionsAtClient :many
UPDATE sessions SET ended_at = CAST(@at AS BIGINT), end_reason = @reason
WHERE account_id = @account_id AND client_id = @client_id AND ended_at IS NULL
    AND (CAST(@begun_by AS BIGINT) = 0 OR created_at <= CAST(@begun_by AS BIGINT))
RETURNING *;

-- name: EndSessionsOfClient :many
UPDATE sessions SET ended_at = CAST(@at AS BIGINT), end_reason = @reason
WHERE client_id = @client_id AND ended_at IS NULL
    AND (CAST(@begun_by AS BIGINT) = 0 OR created_at <= CAST(@begun_by AS BIGINT))
RETURNING *;

-- name: EndPortion :many
-- Of a client's sessions, or of all when it is empty, from an id on.
UPDATE sessions SET ended_at = CAST(@at AS BIGINT), end_reason = @reason
WHERE id IN (
    SELECT old.id FROM sessions AS old
    WHERE old.id > @after AND old.ended_at IS NULL AND (CAST(@begun_by AS BIGINT) = 0 OR old.created_at <= CAST(@begun_by AS BIGINT))
        AND (CAST(@client_id AS TEXT) = '' OR old.client_id = CAST(@client_id AS TEXT))
    ORDER BY old.id LIMIT @portion
)
RETURNING *;

-- name: EndAllSessions :many
UPDATE sessions SET ended_at = CAST(@at AS BIGINT), end_reason = @reason
WHERE ended_at IS NULL
    AND (CAST(@begun_by AS BIGINT) = 0 OR created_at <= CAST(@begun_by AS BIGINT))
RETURNING *;

-- name: StepUp :execrows
UPDATE sessions SET auth_time = @auth_time
WHERE id = @id AND ended_at IS NULL AND expires_at > @now;

-- name: Sessions :many
SELECT sqlc.embed(sessions), identifiers.display
FROM sessions JOIN identifiers ON identifiers.account_id = sessions.account_id
WHERE (sessions.created_at, sessions.id) < (CAST(@after_created_at AS BIGINT), CAST(@after_id AS TEXT))
    AND sessions.ended_at IS NULL AND sessions.expires_at > @now
ORDER BY sessions.created_at DESC, sessions.id DESC
LIMIT @page_limit;

-- name: SessionsOfAccount :many
SELECT sqlc.embed(sessions), identifiers.display
FROM sessions JOIN identifiers ON identifiers.account_id = sessions.account_id
WHERE sessions.account_id = @account_id
    AND (sessions.created_at, sessions.id) < (CAST(@after_created_at AS BIGINT), CAST(@after_id AS TEXT))
    AND sessions.ended_at IS NULL AND sessions.expires_at > @now
ORDER BY sessions.created_at DESC, sessions.id DESC
LIMIT @page_limit;

-- name: PruneSessions :execrows
-- In portions, so that nobody waits long behind a great clearing-up.
DELETE FROM sessions WHERE id IN (
    SELECT old.id FROM sessions AS old WHERE old.absolute_expiry < @before ORDER BY old.absolute_expiry LIMIT @portion
);
