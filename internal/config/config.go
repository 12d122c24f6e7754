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
	"slices"
	"strconv"
	"time"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/guard"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/password/policy"
	"github.com/portaria/portaria/internal/secret"
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
	// `insecure_http` if a proxy in front terminates TLS.
	Listen string `name:"listen" default:"127.0.0.1:8400"`
	// Issuer is the public URL of this service, without query and fragment. Tokens name it as their issuer (`iss`). If it is
	// empty, it is derived from the address that the service listens on. That is enough for services on the same machine only.
	Issuer string `name:"issuer"`
	// Audience is the `aud` of access tokens: the name of the services that accept them. For a single application, make it
	// the name of that application. It must not be the issuer's URL, which is the audience of Portaria's own routes.
	Audience string `name:"audience" default:"portaria"`
	// AudienceProfiles are services that apps may ask access tokens for, besides `audience`. Each has the form that its
	// verifier expects: `at+jwt` is RFC 9068, `jwt` has `typ: JWT`, and `flask` is for flask-jwt-extended. `audience` itself
	// may be one of them.
	AudienceProfiles map[string]token.Profile `name:"audience_profiles" oneof:"at+jwt|jwt|flask"`
	// AudienceEncryption are services that get encrypted access tokens (nested JWTs). Each has a public key: a JWK, or the
	// https URL of its key set. Key sets are fetched at the start and every five minutes. After a change, the service must be
	// able to decrypt with the old key for that long. Until a key is known, requests for tokens of the service get 503.
	AudienceEncryption map[string]ServiceKey `name:"audience_encryption"`
	// Clients are the registered applications and services; administrators can register further ones while the service
	// runs. On start and on SIGHUP, clients are synced with this list. A client removed from it is disabled until you list it again or
	// run `portaria client enable`. See above for the settings of a client.
	Clients []clients.Described `name:"clients"`

	// Database is the address of the database: `sqlite:PATH` for a file, or `postgres://user:password@host/name`.
	Database Database `name:"database" default:"sqlite:portaria.db" secret:"yes" flag:"yes" file:"also"`
	// InsecureDatabaseTLS permits connections to a PostgreSQL on another machine without TLS, or without checking its
	// certificate. Without this setting, such a connection always has `sslmode=verify-full`. With it, `sslmode` in the URL
	// counts, and `require` when the URL has none. A database on this machine, also on a Unix socket, needs no TLS.
	InsecureDatabaseTLS bool `name:"insecure_database_tls" default:"false"`
	// DatabaseWait is how long `portaria serve` waits at its start for a database that it cannot reach. It retries with
	// growing pauses, and fails after this time; 0s fails at once.
	DatabaseWait time.Duration `name:"database_wait" default:"60s" min:"0s" max:"1h"`
	// MasterKeyFile is the file with the key that encrypts all other keys at rest. If it does not exist, the first start
	// creates it, readable by its owner only. Keep a copy: without it, all sessions and signing keys are lost. To change the
	// key, put the new one on a line before the old one, restart every process, and run `portaria key reseal`. Only then
	// remove the old line.
	MasterKeyFile string `name:"master_key_file" default:"portaria-master.key"`
	// MasterKey is the content of the master key file, for systems that pass secrets in the environment. It has no flag,
	// because every user of the machine can read the arguments of a process.
	MasterKey secret.Text `name:"master_key" secret:"yes" multiline:"yes"`

	// AccountRoutes selects the access tokens that the routes of a person's own account accept, such as `/v1/me` and
	// `/v1/sessions`. With `any`, tokens for every service are accepted, so an app can sign out with the token that it has. With
	// `issuer`, only tokens with the issuer's URL as audience are. With `any`, a service can see and end the sessions of people
	// whose tokens it receives, but do nothing that needs their password.
	AccountRoutes string `name:"account_routes" default:"any" oneof:"any|issuer"`
	// SignUp is `open` if everybody may create an account, or `closed` if only administrators may.
	SignUp string `name:"sign_up" default:"open" oneof:"open|closed"`
	// AccessTTL is how long an access token is valid. Services that verify tokens but do not follow revocations accept a token
	// that long, even if its session has ended.
	AccessTTL time.Duration `name:"access_ttl" default:"15m" min:"1s" max:"30d"`
	// RefreshTTL ends a session that was not refreshed for that long. Each refresh restarts the time.
	RefreshTTL time.Duration `name:"refresh_ttl" default:"168h" min:"1s" max:"400d"`
	// SessionTTL ends every session that long after its login, even if it is in use.
	SessionTTL time.Duration `name:"session_ttl" default:"720h" min:"1s" max:"400d"`
	// RefreshGrace is how long a used refresh token returns the same successor again, for parallel tabs. `refresh_retry` does
	// the same for longer; the longer of both applies. `0s` turns both off, except for clients with their own `refresh_retry`.
	RefreshGrace time.Duration `name:"refresh_grace" default:"10s" min:"0s" max:"60s"`
	// RefreshRetry is how long a used refresh token returns the same successor again while nobody has used that successor, so
	// that a lost response does not end the session. Later use, and any use after the successor was used, counts as theft and
	// ends the session. It is never longer than the lifetime of access tokens. A client can have its own.
	RefreshRetry time.Duration `name:"refresh_retry" default:"60s" min:"0s" max:"30d"`
	// SessionsPerAccount is how many sessions an account may have. A further sign-in ends the sessions that were idle for
	// longest. 0 means no limit.
	SessionsPerAccount int `name:"sessions_per_account" default:"200" min:"0" max:"1000"`
	// Leeway is the clock difference that this service tolerates when it checks the times in a token. Services that verify
	// tokens have their own leeway.
	Leeway time.Duration `name:"leeway" default:"5s" min:"0s" max:"60s"`
	// MaxTokenSize is the greatest length of an access token in bytes. A larger token is not issued, because proxies often
	// refuse long headers.
	MaxTokenSize int `name:"max_token_size" default:"4096" min:"512" max:"8192"`
	// KeySetMaxAge is how long others may cache the public keys. A new key is published at least that long before it signs.
	KeySetMaxAge time.Duration `name:"key_set_max_age" default:"1h" min:"1s" max:"24h"`
	// KeyRotation is how long a key signs before the next one replaces it automatically. It must be at least
	// `key_set_max_age` plus two minutes.
	KeyRotation time.Duration `name:"key_rotation" default:"30d" min:"3m" max:"400d"`
	// KeyAlgorithm is the algorithm of new signing keys. RS256 and ES256 work nearly everywhere; EdDSA and PS256 do not.
	// With HS256, HS384 and HS512 no key can be published, so only this service can verify its tokens. A change takes effect
	// at the next rotation.
	KeyAlgorithm string `name:"key_algorithm" default:"ES256" oneof:"ES256|ES384|ES512|EdDSA|RS256|RS384|RS512|PS256|PS384|PS512|HS256|HS384|HS512"`

	// RevocationMaxStaleness is how old a verifier's view of revocations may become before it must stop accepting tokens. It
	// bounds the time until a revocation is in force everywhere, even while the network is down. A verifier that asks for a
	// longer time is refused.
	RevocationMaxStaleness time.Duration `name:"revocation_max_staleness" default:"60s" min:"1s" max:"1h"`

	// Argon2 says what a password hash costs.
	Argon2 password.Policy `name:"argon2"`
	// Passwords says which new passwords are refused.
	Passwords policy.Policy `name:"password"`
	// InsecurePasswordHash permits password hashes that are cheaper than recommended (OWASP). For benchmarks only.
	InsecurePasswordHash bool `name:"insecure_password_hash" default:"false"`

	// Guard says how fast strangers may guess.
	Guard guard.Policy `name:"guard"`
	// Redis is the address of a Redis or Valkey server, such as `redis://host:6379/0`. Processes that use one database share
	// what they have counted there. Without it, each process counts failed attempts for itself. If Redis is away, each
	// process counts for itself, with half the budgets.
	Redis secret.Text `name:"redis" secret:"yes"`

	// TLSCertFile is the certificate with its chain, as PEM. A changed file is loaded without a restart, and on SIGHUP.
	TLSCertFile string `name:"tls_cert_file"`
	// TLSKeyFile is the private key of that certificate, as PEM.
	TLSKeyFile string `name:"tls_key_file"`
	// InsecureHTTP permits plain HTTP on an address that other machines can reach. Passwords and tokens are then
	// readable on the network, unless a proxy in front terminates TLS.
	InsecureHTTP bool `name:"insecure_http" default:"false"`
	// TrustedProxies are the networks of the proxies in front of this service. The address of a client is taken from
	// `proxy_header` only if one of these proxies sent it.
	TrustedProxies []netip.Prefix `name:"trusted_proxies"`
	// ProxyHeader is the header in which these proxies send the address of the client. The other header is ignored, because
	// clients can set it themselves.
	ProxyHeader string `name:"proxy_header" default:"X-Forwarded-For" oneof:"X-Forwarded-For|Forwarded"`

	// SecurityContact is the `mailto:` or `https:` address for reports of vulnerabilities. It is published at
	// `/.well-known/security.txt` (RFC 9116). If it is empty, that file does not exist.
	SecurityContact string `name:"security_contact"`

	// InsecureWebhooks permits webhooks to services on this machine, also with plain HTTP. For development only: everybody who
	// may create a webhook can then reach services that only this machine should reach.
	InsecureWebhooks bool `name:"insecure_webhooks" default:"false"`

	// EgressAllow are the private networks that outgoing requests may reach, such as `10.20.0.0/16`, when other people choose
	// the address. A webhook must also have `allow_private`. Without this setting, these requests reach public addresses only,
	// and `allow_private` is refused. Link-local addresses and those of cloud metadata are never reached.
	EgressAllow []netip.Prefix `name:"egress_allow"`
	// WebhookNetworks are the old name of `egress_allow`. Both lists count.
	WebhookNetworks []netip.Prefix `name:"webhook_networks"`
	// CAFile is a file with further certificate authorities, as PEM, that all outgoing HTTPS requests trust: webhooks and
	// key sets of services. It is read at the start.
	CAFile string `name:"ca_file"`

	// EventRetention is how long events are kept, for the audit trail and for webhooks that send events again. Webhooks try for
	// three days to deliver an event. Time in which no process of the service runs does not count.
	EventRetention time.Duration `name:"event_retention" default:"90d" min:"4d" max:"4000d"`

	// LogLevel is the lowest level that is logged. Requests that succeed are logged at debug, refused requests at info, slow
	// requests at warn, and internal errors at error. SIGHUP reloads it.
	LogLevel string `name:"log_level" default:"info" oneof:"debug|info|warn|error"`
	// LogFormat is the format of the log. `auto` means text on a terminal, and JSON otherwise.
	LogFormat string `name:"log_format" default:"auto" oneof:"auto|text|json"`
	// SlowRequest is the duration from which a request is logged as slow. 0s turns this off.
	SlowRequest time.Duration `name:"slow_request" default:"1s" min:"0s" max:"1h"`
	// ShutdownDelay is how long the service still accepts requests after it received a signal to stop. During this time
	// `GET /readyz` is 503, so that load balancers send requests elsewhere. Set it to more than the interval of their checks.
	ShutdownDelay time.Duration `name:"shutdown_delay" default:"0s" min:"0s" max:"10m"`
	// ShutdownGrace is how long requests under way may take to finish after the listener closed.
	ShutdownGrace time.Duration `name:"shutdown_grace" default:"10s" min:"0s" max:"10m"`
}

// SignUpOpen reports whether everybody may create an account.
func (c Config) SignUpOpen() bool { return c.SignUp == "open" }

// OnlyIssuerAtAccounts reports whether the routes of a person's account accept
// only tokens whose audience is the issuer.
func (c Config) OnlyIssuerAtAccounts() bool { return c.AccountRoutes == "issuer" }

// Egress returns the private networks that outgoing requests may reach.
func (c Config) Egress() []netip.Prefix { return slices.Concat(c.EgressAllow, c.WebhookNetworks) }

// TLS reports whether the service itself speaks TLS.
func (c Config) TLS() bool { return c.TLSCertFile != "" }

// Level returns the lowest level that is logged.
func (c Config) Level() slog.Level {
	var level slog.Level
	// The setting is one of the names that slog knows; its zero value is info.
	_ = level.UnmarshalText([]byte(c.LogLevel))
	return level
}

// IssuerURL returns the issuer: the setting, or else the URL of the address that
// the service listens on. It needs the address because the system may have chosen
// the port. localhost replaces an unspecified address (0.0.0.0), which no client
// can connect to.
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
