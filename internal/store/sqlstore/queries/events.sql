-- name: FoundEventLog :execrows
INSERT INTO event_log (one, n) VALUES (1, 0) ON CONFLICT (one) DO NOTHING;

-- name: LastEvent :one
SELECT n FROM event_log WHERE one = 1;

-- name: TakeEvents :one
-- As TakeRevisions, and always after it.
UPDATE event_log SET n = n + CAST(@many AS BIGINT) WHERE one = 1 RETURNING n;

-- name: FirstEvent :one
SELECT CAST(COALESCE(MIN(seq), 0) AS BIGINT) FROM events WHERE seq > @after;

-- name: EventMoment :one
SELECT at FROM events WHERE seq = @seq;

-- name: EventsAfter :many
-- Every reading of the log has an index for its order and a window of rows, so
-- that a filter that matches little costs no more than one that matches much.
-- A plus before a column keeps SQLite from choosing its index. Types is a list
-- such as ",login.failed,session.ended,", or empty for all.
SELECT * FROM events
WHERE seq > @after AND seq <= @through
    AND (CAST(@types AS TEXT) = '' OR CAST(@types AS TEXT) LIKE '%,' || type || ',%')
    AND (CAST(@account_id AS TEXT) = '' OR account_id = CAST(@account_id AS TEXT))
    AND (CAST(@session_id AS TEXT) = '' OR session_id = CAST(@session_id AS TEXT))
    AND (CAST(@client_id AS TEXT) = '' OR client_id = CAST(@client_id AS TEXT))
    AND +at >= @since AND +at < @until
ORDER BY seq
LIMIT @page_limit;

-- name: EventsBefore :many
SELECT * FROM events
WHERE seq < @before AND seq >= @down_to
    AND (CAST(@types AS TEXT) = '' OR CAST(@types AS TEXT) LIKE '%,' || type || ',%')
    AND (CAST(@session_id AS TEXT) = '' OR session_id = CAST(@session_id AS TEXT))
    AND (CAST(@client_id AS TEXT) = '' OR client_id = CAST(@client_id AS TEXT))
ORDER BY seq DESC
LIMIT @page_limit;

-- name: EventsOfAccountBefore :many
SELECT * FROM events
WHERE account_id = @account_id AND seq < @before AND seq >= @down_to
    AND (CAST(@types AS TEXT) = '' OR CAST(@types AS TEXT) LIKE '%,' || type || ',%')
    AND (CAST(@session_id AS TEXT) = '' OR session_id = CAST(@session_id AS TEXT))
    AND (CAST(@client_id AS TEXT) = '' OR client_id = CAST(@client_id AS TEXT))
    AND +at >= @since AND +at < @until
ORDER BY seq DESC
LIMIT @page_limit;

-- name: EventsOfAccountFloor :one
-- The first event of an account that a window leaves out.
SELECT seq FROM events
WHERE account_id = @account_id AND seq < @before
ORDER BY seq DESC
LIMIT 1 OFFSET @skip;

-- name: EventsByTimeBefore :many
SELECT * FROM events
WHERE (at, seq) < (CAST(@before_at AS BIGINT), CAST(@before AS BIGINT)) AND (at, seq) >= (CAST(@down_to_at AS BIGINT), CAST(@down_to AS BIGINT))
    AND (CAST(@types AS TEXT) = '' OR CAST(@types AS TEXT) LIKE '%,' || type || ',%')
    AND (CAST(@session_id AS TEXT) = '' OR session_id = CAST(@session_id AS TEXT))
    AND (CAST(@client_id AS TEXT) = '' OR client_id = CAST(@client_id AS TEXT))
ORDER BY at DESC, seq DESC
LIMIT @page_limit;

-- name: EventsByTimeFloor :one
SELECT at, seq FROM events
WHERE (at, seq) < (CAST(@before_at AS BIGINT), CAST(@before AS BIGINT)) AND (at, seq) >= (CAST(@down_to_at AS BIGINT), CAST(@down_to AS BIGINT))
ORDER BY at DESC, seq DESC
LIMIT 1 OFFSET @skip;

-- name: PruneEvents :execrows
DELETE FROM events WHERE seq IN (
    SELECT old.seq FROM events AS old WHERE old.at < @before ORDER BY old.at LIMIT @portion
);

-- name: PruneUnknownLogins :execrows
-- Whoever guesses names decides how many of these events there are.
DELETE FROM events WHERE seq IN (
    SELECT old.seq FROM events AS old
    WHERE old.account_id = '' AND old.type = 'login.failed' AND old.seq < (
        SELECT COALESCE(MIN(kept.seq), 0) FROM (
            SELECT e.seq FROM events AS e WHERE e.account_id = '' AND e.type = 'login.failed' ORDER BY e.seq DESC LIMIT @keep
        ) AS kept
    )
    ORDER BY old.seq LIMIT @portion
);
