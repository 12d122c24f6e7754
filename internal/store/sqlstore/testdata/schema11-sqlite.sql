PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO goose_db_version VALUES(1,0,1,'2026-12-01 01:53:01');
INSERT INTO goose_db_version VALUES(2,1,1,'2026-12-01 01:53:01');
INSERT INTO goose_db_version VALUES(3,2,1,'2026-12-01 01:53:01');
INSERT INTO goose_db_version VALUES(4,3,1,'2026-12-01 01:53:01');
INSERT INTO goose_db_version VALUES(5,4,1,'2026-12-01 01:53:01');
INSERT INTO goose_db_version VALUES(6,5,1,'2026-12-01 01:53:01');
INSERT INTO goose_db_version VALUES(7,6,1,'2026-12-01 01:53:01');
INSERT INTO goose_db_version VALUES(8,7,1,'2026-12-01 01:53:01');
INSERT INTO goose_db_version VALUES(9,8,1,'2026-12-01 01:53:01');
INSERT INTO goose_db_version VALUES(10,9,1,'2026-12-01 01:53:01');
INSERT INTO goose_db_version VALUES(11,10,1,'2026-12-01 01:53:01');
INSERT INTO goose_db_version VALUES(12,11,1,'2026-12-01 01:53:01');
CREATE TABLE accounts (
    id                  TEXT PRIMARY KEY,
    password_hash       TEXT NOT NULL,
    created_at          BIGINT NOT NULL,
    password_changed_at BIGINT NOT NULL,
    disabled_at         BIGINT
);
INSERT INTO accounts VALUES('af4191bf-f56d-4ad2-8cab-e25b116039d7','$argon2id$v=19$m=8,t=1,p=1$ww8Nuj7OM01QyIR/qhmBKw$8ymAjbFDDArWnnNXvDpzTopY5H+wdqm+U8RBljPWi2k',1796089981825,1796089981825,NULL);
INSERT INTO accounts VALUES('4ebbc3b4-a387-4111-90d2-13e67beb3ca7','$argon2id$v=19$m=8,t=1,p=1$K27YNEVWseJ8JpM9dHLqHQ$BKe1K6xXEwDOkYZNyHMUrMKAp3ZD8/qVtBZf8yznSR4',1796089981854,1796089983702,NULL);
INSERT INTO accounts VALUES('765cfcaa-9831-4c0c-92fe-8929ad028639','$argon2id$v=19$m=8,t=1,p=1$ne2/Xxk2KIebmkyxPY3g9A$7FrAPuFBdB2r5E/TVNmwALQhZWLZWstAjSEug1rwr5s',1796089981884,1796089981884,NULL);
CREATE TABLE identifiers (
    canonical  TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    display    TEXT NOT NULL
);
INSERT INTO identifiers VALUES('ana@example.com','af4191bf-f56d-4ad2-8cab-e25b116039d7','Ana@Example.com');
INSERT INTO identifiers VALUES('bia','4ebbc3b4-a387-4111-90d2-13e67beb3ca7','bia');
INSERT INTO identifiers VALUES('caio@example.com','765cfcaa-9831-4c0c-92fe-8929ad028639','caio@example.com');
CREATE TABLE sessions (
    id              TEXT PRIMARY KEY,
    account_id      TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    client_id       TEXT NOT NULL,
    method          TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    auth_time       BIGINT NOT NULL,
    used_at         BIGINT NOT NULL,
    address         TEXT NOT NULL,
    user_agent      TEXT NOT NULL,
    generation      BIGINT NOT NULL,
    salt            BYTEA NOT NULL,
    expires_at      BIGINT NOT NULL,
    absolute_expiry BIGINT NOT NULL,
    ended_at        BIGINT,
    end_reason      TEXT NOT NULL
, rotated_at BIGINT NOT NULL DEFAULT 0, audience TEXT NOT NULL DEFAULT '');
INSERT INTO sessions VALUES('66dd00e2-56aa-4f7b-a26b-89dd3864d254','af4191bf-f56d-4ad2-8cab-e25b116039d7','portaria','pwd',1796089981904,1796089983398,1796089981904,'127.0.0.1','curl/7.88.1',0,X'cc53910be9ccb20fa32ad4b868b33987',1796694781904,1798681981904,NULL,'',1796089981902,'');
INSERT INTO sessions VALUES('d09edefc-d35f-4e90-a5ec-f58a223d1991','af4191bf-f56d-4ad2-8cab-e25b116039d7','web','pwd',1796089983444,1796089983444,1796089983444,'127.0.0.1','curl/7.88.1',0,X'324d787daeb778ff0469a955739c05ff',1796694783444,1798681983444,NULL,'',1796089983442,'orders');
INSERT INTO sessions VALUES('e17777d7-1bc9-4ca8-8a7d-7dbb74f71ff0','4ebbc3b4-a387-4111-90d2-13e67beb3ca7','portaria','pwd',1796089983476,1796089983476,1796089983476,'127.0.0.1','curl/7.88.1',0,X'e3727f7e865888593f28879094714264',1796694783476,1798681983476,1796089983716,'signed_out',1796089983473,'');
CREATE TABLE keys (
    kid         TEXT PRIMARY KEY,
    purpose     TEXT NOT NULL,
    seq         BIGINT NOT NULL,
    algorithm   TEXT NOT NULL,
    public      BYTEA NOT NULL,
    sealed      BYTEA NOT NULL,
    created_at  BIGINT,
    activate_at BIGINT,
    retire_at   BIGINT,
    killed_at   BIGINT,
    longest_ttl BIGINT NOT NULL,
    UNIQUE (purpose, seq)
);
INSERT INTO keys VALUES('OKS58Cza2dlGUax95X45NqJ_TA5Q-lnLX8SkeF8EqQw','sig',1,'ES256',X'7b22616c67223a224553323536222c22637276223a22502d323536222c226b6964223a224f4b533538437a6132646c4755617839355834354e714a5f544135512d6c6e4c5838536b65463845715177222c226b7479223a224543222c22757365223a22736967222c2278223a2264464a69306f5a5357442d75576556587a50323871333256526f7563712d62754a5a727459496e70416249222c2279223a22754d4a39475271653666735f3245626d7265717532424a4c6a496d6d4a7036554e334654317a7252464345227d',X'01449aeee690c2cd325f046fab65c59d13a25268bc9ff444c090cc43909b87b67c151864552c8dd8e26f6fdcec78f21595c3eb9db404dadbc10143d0d61237048915cb3f8184cd35ef3aab570e1574fa9ecc76b309ec8b2e80537a85bcddceb8da8cc98c1bb321069478371cf73e02c90679c37bdb732358c12db3010f83d43127e368c3d2dd6a75ee4724633b15c25d2e178bf5a1fc01bff39ad9fb7fb11b1d14f2ee50b12c2da295f2458df8d4debb192e5715657f1cfb73b8ab2608758c9cc1ef03de2dc3da56691286863321bf36a9e2a70fc4a3552977cb0146a09b17312cd4bd543cf774a1a633b8f5048c3afd0c0b57258bbd3ff1e834f36801bf02923460e812b891222315077fe11ca20d0a41b58c0fd3b5ae9fb05f6d587dca42',1796089981656,1796089921656,NULL,NULL,900000);
CREATE TABLE secrets (
    name   TEXT PRIMARY KEY,
    sealed BYTEA NOT NULL
);
INSERT INTO secrets VALUES('refresh-token',X'01449aeee60438371146d92ffb153c0af47cc43c668877ee45f36e78fbb8092fb09280b94075f2eccde3cba93250cd2f7ff9714f430cf59b7bcdee4571e81815c8');
INSERT INTO secrets VALUES('revocation-place',X'01449aeee6d5d7a1aa1090e930ac26e51c5628aec0e4608d8185668cb946afac0835459483277cdc0e771f2d2978eaf03c42d63779f2ab3b56c643f588f991f187');
INSERT INTO secrets VALUES('client-secret',X'01449aeee6de491961b9b89140c21fbb669d80627fd7dacf33512f464e9ca59092dc7456750fbf457339942233b344907831a7fdb4214c19babf3cbe7e187c1a0a');
INSERT INTO secrets VALUES('webhook',X'01449aeee63077e16a3a2f38166303eb6fd591031df89ac8b1ff1b35b3a2fdc6ea3f3f04ba80e00f15045e65b4ba90cd223ffa426baa6033f7211baa3f6366610a');
CREATE TABLE clients (
    id             TEXT PRIMARY KEY,
    name           TEXT NOT NULL,
    kind           TEXT NOT NULL,
    secret         BYTEA,
    secret_at      BIGINT,
    old_secret     BYTEA,
    old_secret_at  BIGINT,
    public_key     TEXT NOT NULL,
    audiences      TEXT NOT NULL,
    scopes         TEXT NOT NULL,
    access_ttl     BIGINT NOT NULL,
    idle           BIGINT NOT NULL,
    absolute       BIGINT NOT NULL,
    no_refresh     BOOLEAN NOT NULL,
    profile        TEXT NOT NULL,
    encryption_key TEXT NOT NULL,
    configured     BOOLEAN NOT NULL,
    created_at     BIGINT NOT NULL,
    disabled_at    BIGINT,
    withdrawn_at   BIGINT
, refresh_retry BIGINT NOT NULL DEFAULT 0, no_rotation BOOLEAN NOT NULL DEFAULT FALSE, older_secret BYTEA, older_secret_at BIGINT);
INSERT INTO clients VALUES('orders','Orders','service',X'b4d43e5e71f637240746cf5ad4d6e21b18ed64ddb72de142d32c9f8a2f9bd1bc',1796089981723,NULL,NULL,'','','',0,0,0,0,'','',0,1796089981723,NULL,NULL,0,0,NULL,NULL);
INSERT INTO clients VALUES('web','web','app',NULL,NULL,NULL,NULL,'','','',0,0,0,0,'','',0,1796089981756,NULL,NULL,0,0,NULL,NULL);
INSERT INTO clients VALUES('shop','shop','app',X'8a760c9c331b585974431725555c47af362ae71507e74638b1e4c7760cd87ef7',1796089981796,NULL,NULL,'','','',0,0,0,0,'','',0,1796089981796,NULL,NULL,0,0,NULL,NULL);
CREATE TABLE assertions (
    client_id  TEXT NOT NULL,
    jti        TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, jti)
);
CREATE TABLE revocation_log (
    one   INTEGER PRIMARY KEY,
    epoch BIGINT NOT NULL,
    n     BIGINT NOT NULL,
    salt  BYTEA NOT NULL
, steady BIGINT NOT NULL DEFAULT 0);
INSERT INTO revocation_log VALUES(1,1,1,X'0449648cbeeac6cb7a2b530e65610abd',1796089981693);
CREATE TABLE rules (
    seq        BIGINT PRIMARY KEY,
    kind       TEXT NOT NULL,
    value      TEXT NOT NULL,
    mode       TEXT NOT NULL,
    written_at BIGINT NOT NULL,
    prune_at   BIGINT NOT NULL
);
INSERT INTO rules VALUES(4294967297,'s','e17777d7-1bc9-4ca8-8a7d-7dbb74f71ff0','hard',1796089983716,1796090943716);
CREATE TABLE revocation_requests (
    client_id  TEXT NOT NULL,
    request    TEXT NOT NULL,
    kind       TEXT NOT NULL,
    value      TEXT NOT NULL,
    mode       TEXT NOT NULL,
    seq        BIGINT NOT NULL,
    written_at BIGINT NOT NULL,
    prune_at   BIGINT NOT NULL,
    PRIMARY KEY (client_id, request)
);
CREATE TABLE event_log (
    one INTEGER PRIMARY KEY,
    n   BIGINT NOT NULL
);
INSERT INTO event_log VALUES(1,15);
CREATE TABLE events (
    seq        BIGINT PRIMARY KEY,
    id         TEXT NOT NULL,
    type       TEXT NOT NULL,
    at         BIGINT NOT NULL,
    account_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    key_id     TEXT NOT NULL,
    actor      TEXT NOT NULL,
    address    TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    reason     TEXT NOT NULL,
    detail     TEXT NOT NULL
);
INSERT INTO events VALUES(1,'2e3b76d9-3b5e-4510-a276-3d0d900ad24d','client.created',1796089981723,'','','orders','','operator','127.0.0.1','Go-http-client/1.1','','{"request_id":"aea48fba02c84a264b55662bc60451e6"}');
INSERT INTO events VALUES(2,'c4c42bb8-2345-450c-88c5-328b1d81a065','client.created',1796089981756,'','','web','','operator','127.0.0.1','Go-http-client/1.1','','{"request_id":"44eef683eae515bdf5dcd6db6c264ed2"}');
INSERT INTO events VALUES(3,'c3a5334b-a776-440d-a437-8399e5733ebf','client.created',1796089981796,'','','shop','','operator','127.0.0.1','Go-http-client/1.1','','{"request_id":"b60b1c7901702abb7342c1dc26347100"}');
INSERT INTO events VALUES(4,'8e1d42bd-0aeb-4301-a0e9-38f1d6c31598','account.created',1796089981825,'af4191bf-f56d-4ad2-8cab-e25b116039d7','','','','','127.0.0.1','curl/7.88.1','','{"request_id":"d0caa94bb9921e52a6cc2b5ae64f4bce"}');
INSERT INTO events VALUES(5,'a2caf737-67b1-4491-bfeb-3c98ca7a0817','account.created',1796089981854,'4ebbc3b4-a387-4111-90d2-13e67beb3ca7','','','','','127.0.0.1','curl/7.88.1','','{"request_id":"108ee9c27706a650c68ec1381e9abece"}');
INSERT INTO events VALUES(6,'74016e3c-7e13-4863-a6e4-dfd440a4fed1','account.created',1796089981884,'765cfcaa-9831-4c0c-92fe-8929ad028639','','','','','127.0.0.1','curl/7.88.1','','{"request_id":"f1dec03a4e8d06ad6513a3d6e5a1c5b1"}');
INSERT INTO events VALUES(7,'0e053670-f751-435f-9f21-61ec6b34b097','login.succeeded',1796089981904,'af4191bf-f56d-4ad2-8cab-e25b116039d7','66dd00e2-56aa-4f7b-a26b-89dd3864d254','portaria','','af4191bf-f56d-4ad2-8cab-e25b116039d7','127.0.0.1','curl/7.88.1','','{"method":"pwd","request_id":"a57a40a8719b4c252ac94c4206a126d1"}');
INSERT INTO events VALUES(8,'60f93423-a78a-49b0-a017-c0fdc35cd3ab','session.started',1796089981904,'af4191bf-f56d-4ad2-8cab-e25b116039d7','66dd00e2-56aa-4f7b-a26b-89dd3864d254','portaria','','af4191bf-f56d-4ad2-8cab-e25b116039d7','127.0.0.1','curl/7.88.1','','{"request_id":"a57a40a8719b4c252ac94c4206a126d1"}');
INSERT INTO events VALUES(9,'81477206-3015-4c8a-9d75-9e5b1d8fbdd2','session.stepped_up',1796089983398,'af4191bf-f56d-4ad2-8cab-e25b116039d7','66dd00e2-56aa-4f7b-a26b-89dd3864d254','','','af4191bf-f56d-4ad2-8cab-e25b116039d7','127.0.0.1','curl/7.88.1','','{"request_id":"5cbc2c972471b20a625dd4a7cd6cecc8"}');
INSERT INTO events VALUES(10,'932edb66-83a0-448c-90ab-cf39fbeb51b7','login.succeeded',1796089983444,'af4191bf-f56d-4ad2-8cab-e25b116039d7','d09edefc-d35f-4e90-a5ec-f58a223d1991','web','','af4191bf-f56d-4ad2-8cab-e25b116039d7','127.0.0.1','curl/7.88.1','','{"method":"pwd","request_id":"9c325b9078700cf7641d20849bdc3803"}');
INSERT INTO events VALUES(11,'ad52ee50-3470-4fdd-8049-da89e78c79f4','session.started',1796089983444,'af4191bf-f56d-4ad2-8cab-e25b116039d7','d09edefc-d35f-4e90-a5ec-f58a223d1991','web','','af4191bf-f56d-4ad2-8cab-e25b116039d7','127.0.0.1','curl/7.88.1','','{"request_id":"9c325b9078700cf7641d20849bdc3803"}');
INSERT INTO events VALUES(12,'97f264a2-c5a9-4022-8fca-54fe9ce0dc51','login.succeeded',1796089983476,'4ebbc3b4-a387-4111-90d2-13e67beb3ca7','e17777d7-1bc9-4ca8-8a7d-7dbb74f71ff0','portaria','','4ebbc3b4-a387-4111-90d2-13e67beb3ca7','127.0.0.1','curl/7.88.1','','{"method":"pwd","request_id":"f85333c17f6ba4409df4fd760e08ffdf"}');
INSERT INTO events VALUES(13,'3dac2e4b-2d96-43f7-a2b5-5c5475540fdd','session.started',1796089983476,'4ebbc3b4-a387-4111-90d2-13e67beb3ca7','e17777d7-1bc9-4ca8-8a7d-7dbb74f71ff0','portaria','','4ebbc3b4-a387-4111-90d2-13e67beb3ca7','127.0.0.1','curl/7.88.1','','{"request_id":"f85333c17f6ba4409df4fd760e08ffdf"}');
INSERT INTO events VALUES(14,'9ae3f1b9-6ff3-4373-9fbb-0494c39007a9','password.changed',1796089983702,'4ebbc3b4-a387-4111-90d2-13e67beb3ca7','e17777d7-1bc9-4ca8-8a7d-7dbb74f71ff0','','','4ebbc3b4-a387-4111-90d2-13e67beb3ca7','127.0.0.1','curl/7.88.1','','{"request_id":"857d006838bc3e91f76649d498654000"}');
INSERT INTO events VALUES(15,'90bdddeb-45b7-435a-b0dc-7f966fb80293','session.ended',1796089983716,'4ebbc3b4-a387-4111-90d2-13e67beb3ca7','e17777d7-1bc9-4ca8-8a7d-7dbb74f71ff0','portaria','','4ebbc3b4-a387-4111-90d2-13e67beb3ca7','127.0.0.1','curl/7.88.1','signed_out','{"request_id":"75ec0ff120d35ffe5b3634382360d3da"}');
CREATE TABLE webhooks (
    id            TEXT PRIMARY KEY,
    client_id     TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    format        TEXT NOT NULL,
    url           TEXT NOT NULL,
    types         TEXT NOT NULL,
    allow_private BOOLEAN NOT NULL,
    generation    BIGINT NOT NULL,
    rotated_at    BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    disabled_at   BIGINT,
    disabled_why  TEXT NOT NULL,
    done_seq      BIGINT NOT NULL,
    failures      BIGINT NOT NULL,
    failing_since BIGINT,
    next_at       BIGINT,
    lease_holder  TEXT NOT NULL,
    lease_until   BIGINT NOT NULL,
    tries         BIGINT NOT NULL
, kept_generation BIGINT NOT NULL DEFAULT 0);
CREATE TABLE webhook_attempts (
    webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    n          BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    event_id   TEXT NOT NULL,
    type       TEXT NOT NULL,
    at         BIGINT NOT NULL,
    status     BIGINT NOT NULL,
    duration   BIGINT NOT NULL,
    failure    TEXT NOT NULL,
    PRIMARY KEY (webhook_id, n)
);
CREATE TABLE webhook_dead_letters (
    webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    seq        BIGINT NOT NULL,
    event_id   TEXT NOT NULL,
    type       TEXT NOT NULL,
    at         BIGINT NOT NULL,
    status     BIGINT NOT NULL,
    duration   BIGINT NOT NULL,
    failure    TEXT NOT NULL,
    PRIMARY KEY (webhook_id, seq)
);
CREATE TABLE verifiers (
    client_id  TEXT NOT NULL,
    id         TEXT NOT NULL,
    seq        BIGINT NOT NULL,
    staleness  BIGINT NOT NULL,
    when_stale TEXT NOT NULL,
    key_set    TEXT NOT NULL,
    audience   TEXT NOT NULL,
    seen_at    BIGINT NOT NULL,
    forget_at  BIGINT NOT NULL, sent_from BIGINT NOT NULL DEFAULT 0, sent_to BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (client_id, id)
);
CREATE TABLE readiness (
    one INTEGER PRIMARY KEY,
    at  BIGINT NOT NULL
);
INSERT INTO readiness VALUES(1,1796089981694);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('goose_db_version',12);
CREATE INDEX accounts_newest ON accounts (created_at, id);
CREATE INDEX identifiers_account ON identifiers (account_id);
CREATE INDEX sessions_absolute_expiry ON sessions (absolute_expiry);
CREATE INDEX assertions_expires_at ON assertions (expires_at);
CREATE INDEX rules_prune ON rules (prune_at);
CREATE INDEX revocation_requests_prune ON revocation_requests (prune_at);
CREATE INDEX events_account ON events (account_id, seq);
CREATE INDEX webhooks_client ON webhooks (client_id);
CREATE INDEX webhook_dead_letters_at ON webhook_dead_letters (at);
CREATE INDEX verifiers_forget ON verifiers (forget_at);
CREATE INDEX events_at_seq ON events (at, seq);
CREATE INDEX sessions_alive ON sessions (created_at, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_alive_client ON sessions (client_id, created_at, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_account ON sessions (account_id, ended_at, created_at, id);
COMMIT;
