-- name: PutBudget :exec
INSERT INTO guard_budgets (name, failed, at, burst, every, first, most, forget_at)
VALUES (@name, @failed, @at, @burst, @every, @first, @most, @forget_at)
ON CONFLICT (name) DO UPDATE SET failed = excluded.failed, at = excluded.at, burst = excluded.burst, every = excluded.every,
    first = excluded.first, most = excluded.most, forget_at = excluded.forget_at;

-- name: DeleteBudget :exec
DELETE FROM guard_budgets WHERE name = @name;

-- name: Budgets :many
SELECT * FROM guard_budgets WHERE forget_at > @now ORDER BY forget_at DESC LIMIT @page_limit;

-- name: PruneBudgets :execrows
DELETE FROM guard_budgets WHERE name IN (
    SELECT old.name FROM guard_budgets AS old WHERE old.forget_at <= @by ORDER BY old.forget_at LIMIT @portion
);
