-- name: FoundEventLog :execrows
INSERT INTO event_log (one, n) VALUES (1, 0) ON CONFLICT (one) DO NOTHING;

-- name: LastEvent :one
SELECT n FROM event_log WHERE one = 1;

-- name: TakeEvents :one
-- As TakeRevisions, and always after it.
UPDATE event_log SET n = n + CAST(@many AS BIGINT) WHERE one = 1 RETURNING n;

-- name: InsertEvent :exec
INSERT INTO events (seq, id, type, at, account_id, session_id, client_id, key_id, actor, address, user_agent, reason, detail)
VALUES (@seq, @id, @type, @at, @account_id, @session_id, @client_id, @key_id, @actor, @address, @user_agent, @reason, @detail);

-- name: Events :many
-- Types is a list such as ",login.failed,session.ended,", or empty for all.
SELECT * FROM events
WHERE seq > @after AND at >= @since AND at < @until
    AND (CAST(@types AS TEXT) = '' OR CAST(@types AS TEXT) LIKE '%,' || type || ',%')
    AND (CAST(@account_id AS TEXT) = '' OR account_id = CAST(@account_id AS TEXT))
    AND (CAST(@session_id AS TEXT) = '' OR session_id = CAST(@session_id AS TEXT))
    AND (CAST(@client_id AS TEXT) = '' OR client_id = CAST(@client_id AS TEXT))
ORDER BY seq
LIMIT @page_limit;

-- name: EventsBefore :many
SELECT * FROM events
WHERE seq < @before AND at >= @since AND at < @until
    AND (CAST(@types AS TEXT) = '' OR CAST(@types AS TEXT) LIKE '%,' || type || ',%')
    AND (CAST(@account_id AS TEXT) = '' OR account_id = CAST(@account_id AS TEXT))
    AND (CAST(@session_id AS TEXT) = '' OR session_id = CAST(@session_id AS TEXT))
    AND (CAST(@client_id AS TEXT) = '' OR client_id = CAST(@client_id AS TEXT))
ORDER BY seq DESC
LIMIT @page_limit;

-- name: EventsOfAccountBefore :many
-- EventsBefore by the index of accounts, for what is asked most: what happened
-- to somebody.
SELECT * FROM events
WHERE account_id = @account_id AND seq < @before AND at >= @since AND at < @until
    AND (CAST(@types AS TEXT) = '' OR CAST(@types AS TEXT) LIKE '%,' || type || ',%')
    AND (CAST(@session_id AS TEXT) = '' OR session_id = CAST(@session_id AS TEXT))
    AND (CAST(@client_id AS TEXT) = '' OR client_id = CAST(@client_id AS TEXT))
ORDER BY seq DESC
LIMIT @page_limit;

-- name: PruneEvents :execrows
DELETE FROM events WHERE seq IN (
    SELECT old.seq FROM events AS old WHERE old.at < @before ORDER BY old.at LIMIT @portion
);
