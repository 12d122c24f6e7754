-- name: SaveVerifier :exec
INSERT INTO verifiers (client_id, id, seq, staleness, when_stale, key_set, audience, seen_at, forget_at)
VALUES (@client_id, @id, @seq, @staleness, @when_stale, @key_set, @audience, @seen_at, @forget_at)
ON CONFLICT (client_id, id) DO UPDATE
SET seq = excluded.seq, staleness = CASE WHEN verifiers.staleness > excluded.staleness THEN verifiers.staleness ELSE excluded.staleness END, when_stale = excluded.when_stale, key_set = excluded.key_set,
    audience = excluded.audience, seen_at = excluded.seen_at, forget_at = excluded.forget_at
WHERE verifiers.seen_at <= excluded.seen_at OR verifiers.staleness < excluded.staleness;

-- name: Verifiers :many
SELECT * FROM verifiers WHERE forget_at >= @now;

-- name: ForgetVerifiers :execrows
DELETE FROM verifiers WHERE forget_at < @now;

-- name: SaveSent :exec
-- Joins two spans as revoke.Span does; an UPDATE sees the old values on its right.
UPDATE verifiers
SET sent_from = CASE
        WHEN sent_to <= sent_from THEN @part_from
        WHEN @part_from <= sent_to AND sent_from <= @part_to AND sent_from < @part_from THEN sent_from
        WHEN @part_from <= sent_to AND sent_from <= @part_to THEN @part_from
        WHEN sent_to > @part_to THEN sent_from
        ELSE @part_from END,
    sent_to = CASE WHEN sent_to > sent_from AND sent_to > @part_to THEN sent_to ELSE @part_to END
WHERE client_id = @client_id AND id = @id;
