-- name: InsertSession :exec
INSERT INTO sessions (id, account_id, client_id, method, created_at, auth_time, used_at, address, user_agent,
    generation, salt, expires_at, absolute_expiry, ended_at, end_reason, rotated_at, audience, proofs, parent)
VALUES (@id, @account_id, @client_id, @method, @created_at, @auth_time, @used_at, @address, @user_agent,
    @generation, @salt, @expires_at, @absolute_expiry, @ended_at, @end_reason, @rotated_at, @audience, @proofs, @parent);

-- name: Session :one
-- With the head of the revocation log in one statement, and so of one snapshot:
-- a token minted from this row knows every rule up to there.
SELECT sqlc.embed(sessions), revocation_log.epoch, revocation_log.n
FROM sessions CROSS JOIN revocation_log WHERE sessions.id = @id;

-- name: SessionWithOwner :one
-- Session, and the account that it is of.
SELECT sqlc.embed(sessions), sqlc.embed(accounts), sqlc.embed(identifiers), revocation_log.epoch, revocation_log.n
FROM sessions JOIN accounts ON accounts.id = sessions.account_id
    JOIN identifiers ON identifiers.account_id = sessions.account_id AND identifiers.is_primary
    CROSS JOIN revocation_log
WHERE sessions.id = @id;

-- name: SessionParent :one
SELECT parent FROM sessions WHERE id = @id;

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

-- name: HoldParent :execrows
-- Locks the row of a session until another one that comes from it is written. The
-- parent is at the top, so that each tree has two levels.
UPDATE sessions SET parent = parent
WHERE id = @id AND account_id = @account_id AND parent = '' AND ended_at IS NULL;

-- name: EndChildren :many
-- The sessions that came from some; empty parameters stand for none.
UPDATE sessions SET ended_at = CAST(@at AS BIGINT), end_reason = @reason
WHERE parent IN (@p1, @p2, @p3, @p4, @p5, @p6, @p7, @p8, @p9, @p10, @p11, @p12, @p13, @p14, @p15, @p16) AND parent <> '' AND ended_at IS NULL
RETURNING *;

-- name: RecentlyEnded :one
-- At most 32, so that a flood does not make it slow. Sessions that ended with their
-- parent do not count: one rule is about the whole tree.
SELECT COUNT(*) FROM (
    SELECT own.ended_at FROM sessions AS own WHERE own.account_id = @account_id AND own.ended_at > CAST(@since AS BIGINT)
        AND (own.parent = '' OR NOT EXISTS (SELECT 1 FROM sessions AS top WHERE top.id = own.parent AND top.ended_at = own.ended_at))
    LIMIT 32
) AS recent;

-- name: EndSessions :many
-- The parent of the session that is kept stays: its end would end that, too.
UPDATE sessions SET ended_at = CAST(@at AS BIGINT), end_reason = @reason
WHERE sessions.account_id = @account_id AND sessions.id <> @except_id AND sessions.ended_at IS NULL
    AND sessions.id NOT IN (SELECT kept.parent FROM sessions AS kept WHERE kept.id = @except_id)
    AND (CAST(@begun_by AS BIGINT) = 0 OR sessions.created_at <= CAST(@begun_by AS BIGINT))
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
-- Each EndPortion query ends some of the sessions that its index lists; those that
-- have ended leave the index, so a repeat finds the next ones.
UPDATE sessions SET ended_at = CAST(@at AS BIGINT), end_reason = @reason
WHERE id IN (
    SELECT old.id FROM sessions AS old
    WHERE old.ended_at IS NULL AND old.created_at <= CAST(@begun_by AS BIGINT)
    ORDER BY old.created_at, old.id LIMIT @portion
) AND ended_at IS NULL
RETURNING *;

-- name: EndPortionOfClient :many
UPDATE sessions SET ended_at = CAST(@at AS BIGINT), end_reason = @reason
WHERE id IN (
    SELECT old.id FROM sessions AS old
    WHERE old.client_id = @client_id AND old.ended_at IS NULL AND old.created_at <= CAST(@begun_by AS BIGINT)
    ORDER BY old.created_at, old.id LIMIT @portion
) AND ended_at IS NULL
RETURNING *;

-- name: EndPortionOfAccount :many
UPDATE sessions SET ended_at = CAST(@at AS BIGINT), end_reason = @reason
WHERE id IN (
    SELECT old.id FROM sessions AS old
    WHERE old.account_id = @account_id AND old.ended_at IS NULL AND old.created_at <= CAST(@begun_by AS BIGINT)
        AND old.id <> @except_id
        AND old.id <> @except_parent
    LIMIT @portion
) AND ended_at IS NULL
RETURNING *;

-- name: CountAlive :one
-- The sessions of an account that have not ended, up to a number.
SELECT COUNT(*) FROM (
    SELECT ended_at FROM sessions WHERE account_id = @account_id AND ended_at IS NULL LIMIT @most
) AS alive;

-- name: CountAliveOfClient :one
SELECT COUNT(*) FROM (
    SELECT ended_at FROM sessions WHERE client_id = @client_id AND ended_at IS NULL LIMIT @most
) AS alive;

-- name: CountAliveOfAll :one
SELECT COUNT(*) FROM (
    SELECT created_at FROM sessions WHERE ended_at IS NULL AND created_at <= CAST(@begun_by AS BIGINT)
    ORDER BY created_at LIMIT @most
) AS alive;

-- name: EndIdlest :many
-- The sessions that were not used for longest, among the first thousand. A session
-- with children lives as long as they do: it is in use, although it is not refreshed.
UPDATE sessions SET ended_at = CAST(@at AS BIGINT), end_reason = @reason
WHERE id IN (
    SELECT candidates.id FROM (
        SELECT old.id, old.used_at FROM sessions AS old
        WHERE old.account_id = @account_id AND old.ended_at IS NULL AND old.id <> @except_id
            AND NOT EXISTS (SELECT 1 FROM sessions AS child WHERE child.parent = old.id AND child.parent <> '' AND child.ended_at IS NULL)
        LIMIT 1000
    ) AS candidates ORDER BY candidates.used_at, candidates.id LIMIT @portion
) AND ended_at IS NULL
RETURNING *;

-- name: ForgetEndedOfAccount :execrows
DELETE FROM sessions WHERE id IN (
    SELECT old.id FROM sessions AS old WHERE old.account_id = @account_id AND old.ended_at IS NOT NULL LIMIT @portion
);

-- name: EndAllSessions :many
UPDATE sessions SET ended_at = CAST(@at AS BIGINT), end_reason = @reason
WHERE ended_at IS NULL
    AND (CAST(@begun_by AS BIGINT) = 0 OR created_at <= CAST(@begun_by AS BIGINT))
RETURNING *;

-- name: StepUp :execrows
UPDATE sessions SET auth_time = @auth_time, proofs = @proofs
WHERE id = @id AND ended_at IS NULL AND expires_at > @now;

-- name: Sessions :many
SELECT sqlc.embed(sessions), identifiers.display
FROM sessions JOIN identifiers ON identifiers.account_id = sessions.account_id AND identifiers.is_primary
WHERE (sessions.created_at, sessions.id) < (CAST(@after_created_at AS BIGINT), CAST(@after_id AS TEXT))
    AND (sessions.created_at, sessions.id) >= (CAST(@down_to_at AS BIGINT), CAST(@down_to AS TEXT))
    AND sessions.ended_at IS NULL AND sessions.expires_at > @now
ORDER BY sessions.created_at DESC, sessions.id DESC
LIMIT @page_limit;

-- name: SessionsFloor :one
-- The first session that a window leaves out.
SELECT created_at, id FROM sessions
WHERE (created_at, id) < (CAST(@after_created_at AS BIGINT), CAST(@after_id AS TEXT)) AND ended_at IS NULL
ORDER BY created_at DESC, id DESC
LIMIT 1 OFFSET @skip;

-- name: SessionsOfAccount :many
-- All have the same ended_at, and PostgreSQL does not know that.
SELECT sqlc.embed(sessions), identifiers.display
FROM sessions JOIN identifiers ON identifiers.account_id = sessions.account_id AND identifiers.is_primary
WHERE sessions.account_id = @account_id AND sessions.ended_at IS NULL
    AND (sessions.created_at, sessions.id) < (CAST(@after_created_at AS BIGINT), CAST(@after_id AS TEXT))
    AND sessions.expires_at > @now
ORDER BY sessions.ended_at DESC, sessions.created_at DESC, sessions.id DESC
LIMIT @page_limit;

-- name: PruneSessions :execrows
-- In portions, so that other writers do not wait for a long transaction.
DELETE FROM sessions WHERE id IN (
    SELECT old.id FROM sessions AS old WHERE old.absolute_expiry < @before ORDER BY old.absolute_expiry LIMIT @portion
);
