-- name: InsertAccount :exec
INSERT INTO accounts (id, password_hash, created_at, password_changed_at, disabled_at, credentials_version, attributes)
VALUES (@id, @password_hash, @created_at, @password_changed_at, @disabled_at, @credentials_version, @attributes);

-- name: InsertIdentifier :exec
INSERT INTO identifiers (canonical, account_id, display, kind, is_primary, verified_at)
VALUES (@canonical, @account_id, @display, @kind, @is_primary, @verified_at);

-- name: AccountByIdentifier :one
-- Finds by any identifier, and returns the primary one.
SELECT sqlc.embed(accounts), sqlc.embed(identifiers)
FROM identifiers AS named JOIN accounts ON accounts.id = named.account_id
    JOIN identifiers ON identifiers.account_id = accounts.id AND identifiers.is_primary
WHERE named.canonical = @canonical;

-- name: OwnerOfIdentifier :one
SELECT account_id FROM identifiers WHERE canonical = @canonical;

-- name: Account :one
SELECT sqlc.embed(accounts), sqlc.embed(identifiers)
FROM accounts JOIN identifiers ON identifiers.account_id = accounts.id AND identifiers.is_primary
WHERE accounts.id = @id;

-- name: Accounts :many
SELECT sqlc.embed(accounts), sqlc.embed(identifiers)
FROM accounts JOIN identifiers ON identifiers.account_id = accounts.id AND identifiers.is_primary
WHERE (accounts.created_at, accounts.id) < (CAST(@after_created_at AS BIGINT), CAST(@after_id AS TEXT))
ORDER BY accounts.created_at DESC, accounts.id DESC
LIMIT @page_limit;

-- name: EnableAccount :execrows
UPDATE accounts SET disabled_at = NULL WHERE id = @id AND disabled_at IS NOT NULL;

-- name: DisableAccount :execrows
UPDATE accounts SET disabled_at = @at WHERE id = @id AND disabled_at IS NULL;

-- name: AccountExists :one
SELECT EXISTS (SELECT 1 FROM accounts WHERE id = @id);

-- name: LockForDeletion :execrows
-- The first statement of a deletion: it holds the account's row, so that no
-- session is started between the ends of its sessions and its own.
UPDATE accounts SET disabled_at = COALESCE(disabled_at, @at) WHERE id = @id;

-- name: DeleteAccount :execrows
DELETE FROM accounts WHERE id = @id;

-- name: HoldAccount :one
-- Locks the account's row, as ClaimAccount does. In a transaction, PostgreSQL is
-- given this with FOR NO KEY UPDATE (see lockingTx); SQLite has one writer. The
-- hash is compared because the version before this one changes it alone.
SELECT created_at FROM accounts
WHERE id = @id AND credentials_version = @version AND password_hash = @verified_hash AND disabled_at IS NULL;

-- name: ClaimAccount :execrows
-- The first statement of a sign-in with a new hash.
UPDATE accounts SET password_hash = @new_hash, credentials_version = credentials_version + 1
WHERE id = @id AND credentials_version = @version AND password_hash = @verified_hash AND disabled_at IS NULL;

-- name: ChangePassword :execrows
UPDATE accounts SET password_hash = @new_hash, password_changed_at = @at, password_advice = '', credentials_version = credentials_version + 1
WHERE id = @id AND credentials_version = @version AND password_hash = @verified_hash AND disabled_at IS NULL;

-- name: SetPasswordAdvice :exec
-- Follows HoldAccount or ClaimAccount.
UPDATE accounts SET password_advice = @advice WHERE id = @id;

-- name: ForgetDevices :execrows
UPDATE accounts SET devices_since = @at WHERE id = @id;

-- name: SetAttributes :execrows
UPDATE accounts SET attributes = @attributes WHERE id = @id AND attributes <> @attributes;
