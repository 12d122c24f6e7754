-- name: FoundRevocationLog :execrows
INSERT INTO revocation_log (one, epoch, n, salt) VALUES (1, 1, 0, @salt) ON CONFLICT (one) DO NOTHING;

-- name: RevocationLog :one
SELECT epoch, n, salt FROM revocation_log WHERE one = 1;

-- name: RevocationHead :one
SELECT epoch, n FROM revocation_log WHERE one = 1;

-- name: TakeRevisions :one
-- Numbers for so many rules, of which the last is answered: among the last
-- statements of a transaction, as everybody else waits from here to the commit.
UPDATE revocation_log
SET epoch = CASE WHEN n + CAST(@many AS BIGINT) > 4294967295 THEN epoch + 1 ELSE epoch END,
    n = CASE WHEN n + CAST(@many AS BIGINT) > 4294967295 THEN CAST(@many AS BIGINT) ELSE n + CAST(@many AS BIGINT) END
WHERE one = 1
RETURNING epoch, n, steady;

-- name: AdvanceSteady :one
-- The clock never goes back: of several processes, the one ahead is right.
UPDATE revocation_log SET steady = CASE WHEN steady < CAST(@at AS BIGINT) THEN CAST(@at AS BIGINT) ELSE steady END
WHERE one = 1
RETURNING steady;

-- name: RaiseEpoch :execrows
UPDATE revocation_log
SET epoch = CAST(@seen_epoch AS BIGINT) + 1, n = 0
WHERE one = 1 AND (epoch < CAST(@seen_epoch AS BIGINT) OR (epoch = CAST(@seen_epoch AS BIGINT) AND n < CAST(@seen_n AS BIGINT)));

-- name: LongestTTL :one
SELECT CAST(COALESCE(MAX(longest_ttl), 0) AS BIGINT) FROM keys;

-- name: InsertRule :exec
INSERT INTO rules (seq, kind, value, mode, written_at, prune_at)
VALUES (@seq, @kind, @value, @mode, @written_at, @prune_at);

-- name: Rules :many
-- The head and the rules in one statement, and so of one snapshot.
SELECT revocation_log.epoch, revocation_log.n, revocation_log.steady,
    CAST(COALESCE(page.seq, 0) AS BIGINT) AS seq, CAST(COALESCE(page.kind, '') AS TEXT) AS kind,
    CAST(COALESCE(page.value, '') AS TEXT) AS value, CAST(COALESCE(page.mode, '') AS TEXT) AS mode,
    CAST(COALESCE(page.written_at, 0) AS BIGINT) AS written_at, CAST(COALESCE(page.prune_at, 0) AS BIGINT) AS prune_at
FROM revocation_log LEFT JOIN (
    SELECT rules.seq, rules.kind, rules.value, rules.mode, rules.written_at, rules.prune_at
    FROM rules WHERE rules.seq > @after ORDER BY rules.seq LIMIT @page_limit
) AS page ON TRUE
WHERE revocation_log.one = 1;

-- name: PruneRules :execrows
DELETE FROM rules WHERE seq IN (
    SELECT old.seq FROM rules AS old WHERE old.prune_at < @before ORDER BY old.prune_at LIMIT @portion
);

-- name: ClaimRequest :execrows
INSERT INTO revocation_requests (client_id, request, kind, value, mode, seq, written_at, prune_at)
VALUES (@client_id, @request, @kind, @value, @mode, 0, @written_at, @prune_at)
ON CONFLICT (client_id, request) DO NOTHING;

-- name: RevocationRequest :one
SELECT * FROM revocation_requests WHERE client_id = @client_id AND request = @request;

-- name: AnswerRequest :exec
UPDATE revocation_requests SET seq = @seq, prune_at = @prune_at WHERE client_id = @client_id AND request = @request;

-- name: PruneRequests :execrows
DELETE FROM revocation_requests WHERE (client_id, request) IN (
    SELECT old.client_id, old.request FROM revocation_requests AS old
    WHERE old.prune_at < @before ORDER BY old.prune_at LIMIT @portion
);
