-- name: Client :one
-- With the head of the revocation log, as Session has it.
SELECT sqlc.embed(clients), revocation_log.epoch, revocation_log.n
FROM clients CROSS JOIN revocation_log WHERE clients.id = @id;

-- name: Clients :many
SELECT * FROM clients WHERE id > @after ORDER BY id LIMIT @page_limit;

-- name: InsertClient :exec
INSERT INTO clients (id, name, kind, secret, secret_at, old_secret, old_secret_at, public_key, audiences, scopes,
    access_ttl, idle, absolute, no_refresh, profile, encryption_key, configured, created_at, disabled_at, withdrawn_at, refresh_retry, no_rotation,
    older_secret, older_secret_at, grants, redirect_uris, third_party)
VALUES (@id, @name, @kind, @secret, @secret_at, @old_secret, @old_secret_at, @public_key, @audiences, @scopes,
    @access_ttl, @idle, @absolute, @no_refresh, @profile, @encryption_key, @configured, @created_at, @disabled_at, @withdrawn_at, @refresh_retry, @no_rotation,
    @older_secret, @older_secret_at, @grants, @redirect_uris, @third_party);

-- name: DescribeClient :exec
-- A secret that is stored already keeps its position; another one becomes the
-- newest. A client with a public key has no secrets.
INSERT INTO clients (id, name, kind, secret, secret_at, public_key, audiences, scopes,
    access_ttl, idle, absolute, no_refresh, profile, encryption_key, configured, created_at, refresh_retry, no_rotation, grants, redirect_uris, third_party)
VALUES (@id, @name, @kind, @secret, @secret_at, @public_key, @audiences, @scopes,
    @access_ttl, @idle, @absolute, @no_refresh, @profile, @encryption_key, @configured, @created_at, @refresh_retry, @no_rotation, @grants, @redirect_uris, @third_party)
ON CONFLICT (id) DO UPDATE SET
    name = excluded.name,
    kind = excluded.kind,
    secret = CASE
        WHEN excluded.public_key <> '' THEN NULL
        WHEN excluded.secret IS NULL OR excluded.secret = clients.secret OR excluded.secret = clients.old_secret OR excluded.secret = clients.older_secret THEN clients.secret
        ELSE excluded.secret END,
    secret_at = CASE
        WHEN excluded.public_key <> '' THEN NULL
        WHEN excluded.secret IS NULL OR excluded.secret = clients.secret OR excluded.secret = clients.old_secret OR excluded.secret = clients.older_secret THEN clients.secret_at
        ELSE excluded.secret_at END,
    old_secret = CASE
        WHEN excluded.public_key <> '' THEN NULL
        WHEN excluded.secret IS NULL OR excluded.secret = clients.secret OR excluded.secret = clients.old_secret OR excluded.secret = clients.older_secret THEN clients.old_secret
        ELSE clients.secret END,
    old_secret_at = CASE
        WHEN excluded.public_key <> '' THEN NULL
        WHEN excluded.secret IS NULL OR excluded.secret = clients.secret OR excluded.secret = clients.old_secret OR excluded.secret = clients.older_secret THEN clients.old_secret_at
        ELSE clients.secret_at END,
    older_secret = CASE
        WHEN excluded.public_key <> '' THEN NULL
        WHEN excluded.secret IS NULL OR excluded.secret = clients.secret OR excluded.secret = clients.old_secret OR excluded.secret = clients.older_secret THEN clients.older_secret
        WHEN clients.secret_at > @recent THEN COALESCE(clients.older_secret, clients.old_secret)
        ELSE NULL END,
    older_secret_at = CASE
        WHEN excluded.public_key <> '' THEN NULL
        WHEN excluded.secret IS NULL OR excluded.secret = clients.secret OR excluded.secret = clients.old_secret OR excluded.secret = clients.older_secret THEN clients.older_secret_at
        WHEN clients.secret_at > @recent THEN COALESCE(clients.older_secret_at, clients.old_secret_at)
        ELSE NULL END,
    public_key = excluded.public_key,
    audiences = excluded.audiences,
    scopes = excluded.scopes,
    access_ttl = excluded.access_ttl,
    idle = excluded.idle,
    absolute = excluded.absolute,
    no_refresh = excluded.no_refresh,
    refresh_retry = excluded.refresh_retry,
    no_rotation = excluded.no_rotation,
    grants = excluded.grants,
    redirect_uris = excluded.redirect_uris,
    third_party = excluded.third_party,
    profile = excluded.profile,
    encryption_key = excluded.encryption_key,
    configured = excluded.configured,
    withdrawn_at = NULL;

-- name: WithdrawClient :execrows
UPDATE clients SET configured = FALSE, withdrawn_at = @at WHERE id = @id AND configured;

-- name: AddSecret :execrows
-- A rotation is repeated when its answer was lost. So the secret from before the
-- first rotation stays when the newest is recent.
UPDATE clients SET
    older_secret = CASE WHEN secret_at > @recent THEN COALESCE(older_secret, old_secret) ELSE NULL END,
    older_secret_at = CASE WHEN secret_at > @recent THEN COALESCE(older_secret_at, old_secret_at) ELSE NULL END,
    old_secret = secret, old_secret_at = secret_at, secret = @secret, secret_at = @secret_at
WHERE id = @id;

-- name: DropSecrets :execrows
UPDATE clients SET old_secret = NULL, old_secret_at = NULL, older_secret = NULL, older_secret_at = NULL WHERE id = @id AND old_secret IS NOT NULL;

-- name: DisableClient :execrows
UPDATE clients SET disabled_at = @at WHERE id = @id AND disabled_at IS NULL;

-- name: EnableClient :execrows
UPDATE clients SET disabled_at = NULL, withdrawn_at = NULL
WHERE id = @id AND (disabled_at IS NOT NULL OR withdrawn_at IS NOT NULL);

-- name: DeleteClient :execrows
DELETE FROM clients WHERE id = @id;

-- name: InsertAssertion :exec
INSERT INTO assertions (client_id, jti, expires_at) VALUES (@client_id, @jti, @expires_at);

-- name: PruneAssertions :execrows
DELETE FROM assertions WHERE (client_id, jti) IN (
    SELECT old.client_id, old.jti FROM assertions AS old WHERE old.expires_at <= @by ORDER BY old.expires_at LIMIT @portion
);

-- name: LongestAccessTTL :one
SELECT CAST(COALESCE(MAX(access_ttl), 0) AS BIGINT) FROM clients;
