// Package config holds the settings of Portaria, and turns them into the policies
// of the other packages. Package setting reads them: defaults, then a YAML file,
// then the environment, then flags. Later sources win.
//
// The comments of [Config], and of the structs in it, are the manual:
// docs/config.md and the help of the command line are generated from them
// (`make generate`).
package config

//go:generate go test . -run ^TestGenerated -update

import (
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/token"
)

// Config holds every setting. Each setting has one name in three spellings:
// `access_ttl` in the file, `PORTARIA_ACCESS_TTL` in the environment,
// `--access-ttl` on the command line. A struct of another package is a section:
// see package setting for the tags.
//
// The zero value is not usable; see [Default] and [Load].
type Config struct {
	// Listen is the address to serve on, as host:port. An address that other machines can reach needs TLS, or
	// `insecure_http` when a proxy in front ends TLS.
	Listen string `name:"listen" default:"127.0.0.1:8400"`
	// Issuer is the URL that tokens name as their issuer (`iss`), as the outside sees this service: no query, no
	// fragment. Left empty, it is derived from the address that the service listens on: enough on one machine, not for
	// services on others.
	Issuer string `name:"issuer"`
	// Audience is the `aud` of access tokens: the name of the services that accept them. For a single application, make it
	// the name of that application. It must not be the issuer's URL, which is the audience of Portaria's own routes.
	Audience string `name:"audience" default:"portaria"`
	// AudienceProfiles are the services that people may ask an access token for, beside `audience`, each with the form
	// that its verifier expects: `at+jwt` is RFC 9068; `jwt` has `typ: JWT`, for verifiers that refuse anything else;
	// `flask` is what flask-jwt-extended expects. `audience` itself may be among them.
	AudienceProfiles map[string]token.Profile `name:"audience_profiles" oneof:"at+jwt|jwt|flask"`
	// AudienceEncryption are the services that get their access tokens encrypted, as nested JWTs, each with its public key:
	// a JWK, or the https URL of its key set. A key set is fetched in the background from the start on and every five minutes: after a change,
	// the service must go on decrypting with the old key for that long. Until a key is known, no token for the service is
	// issued (503).
	AudienceEncryption map[string]ServiceKey `name:"audience_encryption"`
	// Clients are the registered applications and services, beside those that administrators register while the service
	// runs. Each start brings them to what stands here; who stood here once and does so no longer is barred until it is back, or an
	// administrator keeps it with `portaria client enable`. See below for what a client has.
	Clients []clients.Described `name:"clients"`

	// Database is where everything is kept: `sqlite:PATH` for a file, or `postgres://user:password@host/name`.
	Database Database `name:"database" default:"sqlite:portaria.db" secret:"yes" flag:"yes" file:"also"`
	// InsecureDatabaseTLS permits connections to a PostgreSQL on another machine without TLS, or without checking its
	// certificate. Without this setting, such a connection always has `sslmode=verify-full`. With it, `sslmode` in the URL
	// counts, and `require` when the URL has none. A database on this machine, also on a Unix socket, needs no TLS.
	InsecureDatabaseTLS bool `name:"insecure_database_tls" default:"false"`
	// DatabaseWait is how long `portaria serve` waits at its start for a database that cannot be reached yet. It tries again
	// with growing pauses, and gives up after this time; 0s gives up at once.
	DatabaseWait time.Duration `name:"database_wait" default:"60s" min:"0s" max:"1h"`
	// MasterKeyFile is the file with the key that seals all other keys at rest. If it does not exist, the first start
	// makes it, readable by its owner only. Keep a copy: without it, all sessions and signing keys are lost. To change
	// the key, put the new one on a line before the old one, restart every process, run `portaria key reseal`, and only
	// then take the old line out.
	MasterKeyFile string `name:"master_key_file" default:"portaria-master.key"`
	// MasterKey is the content of the master key file, for systems that hand out secrets in the environment. It has no
	// flag, because everybody on the machine may read the arguments of a process.
	MasterKey Secret `name:"master_key" secret:"yes"`

	// AccountRoutes says which access tokens the routes of a person's own account accept, such as `/v1/me` and
	// `/v1/sessions`: `any`, those for every service, so that an app can sign out with the token that it has; or `issuer`,
	// only those that were asked for with the issuer's URL as `audience`. With `any`, a service could see and end the
	// sessions of the people whose tokens it receives, and nothing that needs their password.
	AccountRoutes string `name:"account_routes" default:"any" oneof:"any|issuer"`
	// SignUp says whether strangers may create accounts. When closed, only administrators can.
	SignUp string `name:"sign_up" default:"open" oneof:"open|closed"`
	// AccessTTL is how long an access token is valid. Services that verify tokens by themselves accept one that long,
	// also after its session has ended.
	AccessTTL time.Duration `name:"access_ttl" default:"15m" min:"1s" max:"30d"`
	// RefreshTTL ends a session that has not been refreshed for so long. Each refresh starts it anew.
	RefreshTTL time.Duration `name:"refresh_ttl" default:"168h" min:"1s" max:"400d"`
	// SessionTTL ends every session that long after its login, however busy it is.
	SessionTTL time.Duration `name:"session_ttl" default:"720h" min:"1s" max:"400d"`
	// RefreshGrace is the time in which a refresh token that was just used returns the same successor again, for parallel
	// tabs. `refresh_retry` does the same for longer; the longer of both counts. `0s` turns both off, but for clients with a
	// `refresh_retry` of their own.
	RefreshGrace time.Duration `name:"refresh_grace" default:"10s" min:"0s" max:"60s"`
	// RefreshRetry is how long a used refresh token returns the same successor again while nobody has used that successor, so
	// that a lost answer logs nobody out. Later use, and any use after the successor was used, counts as theft and ends the
	// session. Never longer than access tokens live. A client can have its own.
	RefreshRetry time.Duration `name:"refresh_retry" default:"60s" min:"0s" max:"30d"`
	// SessionsPerAccount is how many sessions an account may have. A sign-in beyond that ends the sessions that were not
	// used for longest. 0 sets no limit.
	SessionsPerAccount int `name:"sessions_per_account" default:"200" min:"0" max:"1000"`
	// Leeway is how far the clocks of the machines may differ when this service checks the times in a token. Services that
	// verify tokens have their own leeway.
	Leeway time.Duration `name:"leeway" default:"5s" min:"0s" max:"60s"`
	// MaxTokenSize is the greatest length of an access token in bytes. A larger one is not issued: it would be refused by
	// somebody's proxy, far from its cause.
	MaxTokenSize int `name:"max_token_size" default:"4096" min:"512" max:"8192"`
	// KeySetMaxAge is how long others may keep a copy of the public keys. A new key is published at least that long
	// before it signs.
	KeySetMaxAge time.Duration `name:"key_set_max_age" default:"1h" min:"1s" max:"24h"`
	// KeyRotation is how long a key signs before the next one takes over, by itself. At least `key_set_max_age` and two
	// minutes.
	KeyRotation time.Duration `name:"key_rotation" default:"30d" min:"3m" max:"400d"`
	// KeyAlgorithm is the algorithm of new signing keys. RS256 and ES256 work nearly everywhere; EdDSA and PS256 do not.
	// With HS256, HS384 and HS512 nothing can be published, so that only this service itself can verify its tokens. A
	// change takes effect with the next rotation.
	KeyAlgorithm string `name:"key_algorithm" default:"ES256" oneof:"ES256|ES384|ES512|EdDSA|RS256|RS384|RS512|PS256|PS384|PS512|HS256|HS384|HS512"`

	// RevocationMaxStaleness is the longest that a verifier may go on trusting what it last heard of revocations. It bounds
	// when a revocation is in force everywhere, also while the network is down; a verifier that wants longer is refused.
	RevocationMaxStaleness time.Duration `name:"revocation_max_staleness" default:"60s" min:"1s" max:"1h"`

	// Argon2 says what a password hash costs.
	Argon2 password.Policy `name:"argon2"`
	// InsecurePasswordHash permits password hashes that are cheaper than what is known to be safe. For benchmarks.
	InsecurePasswordHash bool `name:"insecure_password_hash" default:"false"`

	// TLSCertFile is the certificate with its chain, as PEM. A changed file is used without a restart.
	TLSCertFile string `name:"tls_cert_file"`
	// TLSKeyFile is the private key of that certificate, as PEM.
	TLSKeyFile string `name:"tls_key_file"`
	// InsecureHTTP permits plain HTTP on an address that other machines can reach. Passwords and tokens are then
	// readable on the way, unless a proxy in front ends TLS.
	InsecureHTTP bool `name:"insecure_http" default:"false"`
	// TrustedProxies are the networks of the proxies in front of this service. Only they are believed when they say
	// on whose behalf they ask.
	TrustedProxies []netip.Prefix `name:"trusted_proxies"`
	// ProxyHeader is the header in which these proxies say it. Only this one is read: the other one would come from the
	// client as he likes it.
	ProxyHeader string `name:"proxy_header" default:"X-Forwarded-For" oneof:"X-Forwarded-For|Forwarded"`

	// SecurityContact is where people report weaknesses of this installation, as a `mailto:` or `https:` address. It is
	// published at `/.well-known/security.txt` (RFC 9116), which is not there while this is empty.
	SecurityContact string `name:"security_contact"`

	// InsecureWebhooks permits webhooks to services on this machine, also with plain HTTP. For trying things out: whoever
	// may make a webhook can then reach everything that listens on this machine only.
	InsecureWebhooks bool `name:"insecure_webhooks" default:"false"`

	// WebhookNetworks are the private networks that webhooks may call, such as `10.20.0.0/16`. A webhook must also ask for it
	// with `allow_private`. Without this setting, webhooks call public addresses only, and none with `allow_private` can be made.
	WebhookNetworks []netip.Prefix `name:"webhook_networks"`

	// EventRetention is how long events are kept: the audit trail, and what webhooks can send again. Webhooks try for three days
	// to deliver an event. Time in which no process of the service runs does not count.
	EventRetention time.Duration `name:"event_retention" default:"90d" min:"4d" max:"4000d"`

	// LogLevel is the least level that is logged. Requests that succeed are logged at debug, those that are refused at
	// info, slow ones at warn, and those that fail through our fault at error.
	LogLevel string `name:"log_level" default:"info" oneof:"debug|info|warn|error"`
	// LogFormat is the form of the log; auto means text on a terminal and JSON elsewhere.
	LogFormat string `name:"log_format" default:"auto" oneof:"auto|text|json"`
	// SlowRequest is the duration from which on a request is logged as slow; 0s never.
	SlowRequest time.Duration `name:"slow_request" default:"1s" min:"0s" max:"1h"`
	// ShutdownGrace is how long requests may still run after the service was told to stop.
	ShutdownGrace time.Duration `name:"shutdown_grace" default:"10s" min:"0s" max:"10m"`
}

// SignUpOpen reports whether strangers may create accounts.
func (c Config) SignUpOpen() bool { return c.SignUp == "open" }

// OnlyIssuerAtAccounts reports whether the routes of a person's account accept
// only tokens whose audience is the issuer.
func (c Config) OnlyIssuerAtAccounts() bool { return c.AccountRoutes == "issuer" }

// TLS reports whether the service itself speaks TLS.
func (c Config) TLS() bool { return c.TLSCertFile != "" }

// Level returns the least level that is logged.
func (c Config) Level() slog.Level {
	var level slog.Level
	// The setting is one of the names that slog knows; its zero value is info.
	_ = level.UnmarshalText([]byte(c.LogLevel))
	return level
}

// IssuerURL returns the issuer: the setting, or the URL of the address that the
// service really listens on, which matters when the port was chosen by the
// system. Nobody can connect to an unspecified address (0.0.0.0), so localhost
// stands in for it: true on this machine at least.
func (c Config) IssuerURL(listening net.Addr) string {
	if c.Issuer != "" {
		return c.Issuer
	}
	host := listening.String()
	if bound, err := netip.ParseAddrPort(host); err == nil && bound.Addr().IsUnspecified() {
		host = net.JoinHostPort("localhost", strconv.Itoa(int(bound.Port())))
	}
	if c.TLS() {
		return "https://" + host
	}
	return "http://" + host
}
