-- name: CountWebhooks :one
SELECT COUNT(*) FROM webhooks;

-- name: ClientExists :one
SELECT EXISTS (SELECT 1 FROM clients WHERE id = @id);

-- name: InsertWebhook :exec
INSERT INTO webhooks (id, client_id, format, url, types, allow_private, generation, rotated_at, created_at,
    disabled_at, disabled_why, done_seq, failures, failing_since, next_at, lease_holder, lease_until, tries, kept_generation)
VALUES (@id, @client_id, @format, @url, @types, @allow_private, @generation, @rotated_at, @created_at,
    @disabled_at, @disabled_why, @done_seq, @failures, @failing_since, @next_at, '', 0, 0, @kept_generation);

-- name: Webhook :one
SELECT * FROM webhooks WHERE id = @id;

-- name: Webhooks :many
SELECT * FROM webhooks ORDER BY created_at, id;

-- name: DeleteWebhook :execrows
DELETE FROM webhooks WHERE id = @id;

-- name: NextWebhookSecret :one
-- A rotation that is repeated keeps what the first one kept: its answer may be lost.
UPDATE webhooks SET
    kept_generation = CASE WHEN generation > 1 AND rotated_at > @recent THEN kept_generation ELSE generation END,
    generation = generation + 1, rotated_at = @at WHERE id = @id RETURNING *;

-- name: DisableWebhook :execrows
UPDATE webhooks SET
    disabled_why = CASE WHEN disabled_at IS NULL THEN CAST(@why AS TEXT) ELSE disabled_why END,
    disabled_at = COALESCE(disabled_at, @at)
WHERE id = @id;

-- name: EnableWebhook :execrows
UPDATE webhooks SET disabled_at = NULL, disabled_why = '', failures = 0, failing_since = NULL, next_at = NULL WHERE id = @id;

-- name: SeekWebhook :execrows
-- The lease stays. The process that holds it finds that the cursor has moved.
UPDATE webhooks SET done_seq = @done_seq, failures = 0, failing_since = NULL, next_at = NULL WHERE id = @id;

-- name: LeaseWebhook :one
UPDATE webhooks SET lease_holder = @holder, lease_until = @until
WHERE webhooks.id = @id AND webhooks.disabled_at IS NULL AND (lease_holder = @holder OR lease_until <= @now)
    AND EXISTS (SELECT 1 FROM clients WHERE clients.id = webhooks.client_id AND clients.disabled_at IS NULL)
RETURNING *;

-- name: ReleaseWebhook :exec
UPDATE webhooks SET lease_holder = '', lease_until = 0 WHERE id = @id AND lease_holder = @holder;

-- name: StepWebhook :one
UPDATE webhooks SET done_seq = @done_seq, failures = @failures, failing_since = @failing_since, next_at = @next_at,
    lease_until = @lease_until, tries = tries + CAST(@tries AS BIGINT),
    disabled_at = @disabled_at, disabled_why = @disabled_why
WHERE webhooks.id = @id AND lease_holder = @holder AND done_seq = @from_seq AND webhooks.disabled_at IS NULL
    AND EXISTS (SELECT 1 FROM clients WHERE clients.id = webhooks.client_id AND clients.disabled_at IS NULL)
RETURNING *;

-- name: CountWebhookTry :one
UPDATE webhooks SET tries = tries + 1 WHERE id = @id RETURNING tries;

-- name: InsertWebhookAttempt :exec
INSERT INTO webhook_attempts (webhook_id, n, seq, event_id, type, at, status, duration, failure)
VALUES (@webhook_id, @n, @seq, @event_id, @type, @at, @status, @duration, @failure);

-- name: TrimWebhookAttempts :exec
DELETE FROM webhook_attempts WHERE webhook_id = @webhook_id AND n <= @n;

-- name: WebhookAttempts :many
SELECT * FROM webhook_attempts WHERE webhook_id = @webhook_id ORDER BY n DESC LIMIT @page_limit;

-- name: InsertWebhookDeadLetter :exec
-- An event that was replayed can be given up again.
INSERT INTO webhook_dead_letters (webhook_id, seq, event_id, type, at, status, duration, failure)
VALUES (@webhook_id, @seq, @event_id, @type, @at, @status, @duration, @failure)
ON CONFLICT (webhook_id, seq) DO UPDATE SET at = excluded.at, status = excluded.status,
    duration = excluded.duration, failure = excluded.failure;

-- name: DeleteWebhookDeadLetter :exec
DELETE FROM webhook_dead_letters WHERE webhook_id = @webhook_id AND seq = @seq;

-- name: WebhookDeadLetters :many
SELECT * FROM webhook_dead_letters WHERE webhook_id = @webhook_id AND seq > @after ORDER BY seq LIMIT @page_limit;

-- name: PruneWebhookDeadLetters :execrows
DELETE FROM webhook_dead_letters WHERE (webhook_id, seq) IN (
    SELECT old.webhook_id, old.seq FROM webhook_dead_letters AS old WHERE old.at < @before ORDER BY old.at LIMIT @portion
);
