-- name: Keys :many
SELECT * FROM keys;

-- name: InsertKey :exec
INSERT INTO keys (kid, purpose, seq, algorithm, public, sealed, created_at, activate_at, retire_at, killed_at, longest_ttl)
VALUES (@kid, @purpose, @seq, @algorithm, @public, @sealed, @created_at, @activate_at, @retire_at, @killed_at, @longest_ttl);

-- name: RetireKey :execrows
UPDATE keys SET retire_at = @at WHERE kid = @kid AND retire_at IS NULL AND killed_at IS NULL;

-- name: MoveRetirement :execrows
UPDATE keys SET retire_at = @at WHERE kid = @kid AND killed_at IS NULL;

-- name: WithdrawKey :execrows
UPDATE keys SET retire_at = @at, killed_at = @at WHERE kid = @kid AND activate_at > @at AND retire_at IS NULL AND killed_at IS NULL;

-- name: HastenKey :execrows
UPDATE keys SET activate_at = CASE WHEN activate_at > @at THEN @at ELSE activate_at END WHERE kid = @kid AND killed_at IS NULL;

-- name: KeyExists :one
SELECT EXISTS (SELECT 1 FROM keys WHERE kid = @kid);

-- name: KillKey :execrows
UPDATE keys SET killed_at = @at WHERE kid = @kid AND killed_at IS NULL;

-- name: RaiseTTL :execrows
UPDATE keys SET longest_ttl = CASE WHEN longest_ttl < @ttl THEN @ttl ELSE longest_ttl END WHERE kid = @kid;

-- name: ResealKey :execrows
UPDATE keys SET sealed = @sealed WHERE kid = @kid AND sealed = @old;

-- name: DeleteKey :execrows
DELETE FROM keys WHERE kid = @kid;

-- name: Secret :one
SELECT sealed FROM secrets WHERE name = @name;

-- name: InsertSecret :exec
INSERT INTO secrets (name, sealed) VALUES (@name, @sealed);

-- name: Secrets :many
SELECT * FROM secrets;

-- name: ResealSecret :execrows
UPDATE secrets SET sealed = @sealed WHERE name = @name AND sealed = @old;

-- name: Ping :one
SELECT EXISTS (SELECT 1 FROM secrets);

-- name: ProveWritable :exec
INSERT INTO readiness (one, at) VALUES (1, @at) ON CONFLICT (one) DO UPDATE SET at = excluded.at;
