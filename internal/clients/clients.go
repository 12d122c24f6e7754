// Package clients knows the registered applications and services: who may ask
// for tokens in its own name, for whom, and for how long people stay signed in
// through it.
package clients

import (
	"context"
	"errors"
	"time"
)

// Errors of this package.
var (
	// ErrNotFound says that there is no such client.
	ErrNotFound = errors.New("client not found")
	// ErrTaken says that there is a client with this id already.
	ErrTaken = errors.New("client id taken")
	// ErrInvalid says that a client cannot be as it was described. The error
	// is of type Faults, which names the fields.
	ErrInvalid = errors.New("client invalid")
	// ErrConfigured says that the settings describe the client, so that the
	// next start would undo the change.
	ErrConfigured = errors.New("client described by the settings")
	// ErrNoSecret says that the client proves itself with a public key, or
	// not at all.
	ErrNoSecret = errors.New("client has no secret")
	// ErrNotProved says that a client did not prove who it is: unknown,
	// disabled, wrong secret, wrong assertion, all alike (RFC 6749 §5.2,
	// invalid_client).
	ErrNotProved = errors.New("client not authenticated")
	// ErrReplayed says that a client assertion was used before.
	ErrReplayed = errors.New("client assertion replayed")
)

// Kind says what a client is.
type Kind string

const (
	// Service is a program that acts in its own name, without a person.
	Service Kind = "service"
	// App is an application that people sign in with. One without
	// credentials, such as a browser or a phone, is public (RFC 6749 §2.1).
	App Kind = "app"
)

// Client is a registered application or service.
type Client struct {
	// ID is the `client_id`: a-z, 0-9, '.', '_' and '-', chosen by the operator.
	ID string `name:"id" key:"yes"`
	// Name is for people. The default is the id.
	Name string `name:"name"`
	// Kind is `service` for a program that acts in its own name, or `app` for an application that people sign in with.
	Kind Kind `name:"kind"`
	// Secrets are at most two, the newest first, so that one can be replaced
	// while the other still works; none for a public client or one with a
	// PublicKey.
	Secrets []Secret
	// PublicKey is a public JWK or key set, with which the client authenticates by `private_key_jwt` (RFC 7523) instead of a
	// secret.
	PublicKey string `name:"public_key" file:"also" multiline:"yes"`
	// Audiences are the services that the client may ask tokens for; the first one is the default. Without any, only
	// Portaria's own audience.
	Audiences []string `name:"audiences"`
	// Scopes are the scopes that the client may ask for in its own name.
	Scopes []string `name:"scopes"`
	// Authorization says which grants it may use, and where browsers may return.
	Authorization `inline:"yes"`
	// Policy bounds tokens and sessions of this client.
	Policy Policy `inline:"yes"`
	// Profile is the form of tokens whose audience is this service: `at+jwt`, `jwt` or `flask`, as in `audience_profiles`.
	Profile string `name:"profile"`
	// EncryptionKey is a public JWK or key set. Tokens whose audience is this service are encrypted to it.
	EncryptionKey string `name:"encryption_key" file:"also" multiline:"yes"`
	// Configured says that the settings describe this client: the API must
	// not change what the next start would change back.
	Configured bool
	CreatedAt  time.Time
	// DisabledAt is zero unless an administrator barred the client.
	DisabledAt time.Time
	// WithdrawnAt is zero unless the settings described the client once and do
	// so no longer. They may bring it back; an administrator may keep it.
	WithdrawnAt time.Time
	// Revision is the head of the revocation log, read no later than all of
	// the above: what a token that is minted for it knows (rvs). Zero in lists.
	Revision int64
}

// Disabled reports whether the client is barred, by whomever.
func (c Client) Disabled() bool { return !c.DisabledAt.IsZero() || !c.WithdrawnAt.IsZero() }

// Public reports whether the client is an app that has nothing to prove itself
// with. A Service without credentials is not public: nobody can be it yet.
func (c Client) Public() bool { return c.Kind == App && len(c.Secrets) == 0 && c.PublicKey == "" }

// RepeatedWithin is how soon a rotation counts as a repetition of the one before.
// The answer of the first may be lost, and then its secret is in nobody's hands.
const RepeatedWithin = 24 * time.Hour

// Secret is what is kept of a client secret.
type Secret struct {
	// Hash is HMAC-SHA-256 of the secret under a sealed key of the server:
	// secrets are long and random, so a slow hash would only cost.
	Hash      [32]byte
	CreatedAt time.Time
}

// Policy is how long what a client gets is good for. Zero fields take the
// defaults of its Kind: those of the settings for an App, 15 minutes for a
// Service.
type Policy struct {
	// AccessTTL is the lifetime of access tokens. The default is 15m for a service, and `access_ttl` for an app.
	AccessTTL time.Duration `name:"access_ttl"`
	// Idle ends a session that was not refreshed for that long; for apps. The default is `refresh_ttl`.
	Idle time.Duration `name:"refresh_ttl"`
	// Absolute ends every session that long after its login; for apps. The default is `session_ttl`.
	Absolute time.Duration `name:"session_ttl"`
	// NoRefresh gives people one access token and no refresh token. Sensitive operations ask for the password again.
	NoRefresh bool `name:"no_refresh"`
	// RefreshRetry is how long a used refresh token returns the same successor again, while nobody has used that successor.
	// At most the lifetime of access tokens. The default is `refresh_retry`.
	RefreshRetry time.Duration `name:"refresh_retry"`
	// NoRotation is `on` by default: each refresh returns a new refresh token. `off` keeps the token; it is permitted for apps
	// that authenticate, because nobody else can use their refresh tokens (RFC 9700 §4.14.2).
	NoRotation bool `name:"rotation" oneof:"on|off"`
}

// Store keeps clients. Each method is one atomic step, in which the rules and
// events are written that follow from it: whoever is barred has no tokens left,
// and nobody is signed in through it any more.
type Store interface {
	// Client finds one, disabled or not; ErrNotFound.
	Client(ctx context.Context, id string) (Client, error)
	// Clients lists them by id, in the order of the database's language, those
	// after the given one; empty starts at the first.
	Clients(ctx context.Context, after string, limit int) ([]Client, error)
	// LongestTTL is the longest Policy.AccessTTL of all; zero for none.
	LongestTTL(ctx context.Context) (time.Duration, error)
	// CreateClient adds one; ErrTaken.
	CreateClient(ctx context.Context, c Client) error
	// DescribeClient replaces all of a client but its secrets, its standing
	// and its creation, or creates it: what the settings say at each start.
	// The first of c.Secrets, if any, becomes the newest unless it is kept
	// already; a PublicKey takes their place. Who was withdrawn is no longer.
	DescribeClient(ctx context.Context, c Client, now time.Time) error
	// WithdrawClient notes that the settings describe a client no longer, and
	// bars it. It reports whether they did until now.
	WithdrawClient(ctx context.Context, id string, at time.Time) (bool, error)
	// AddSecret makes a secret the newest and keeps the one before. When that one
	// is not older than RepeatedWithin, it also keeps the oldest; ErrNotFound.
	AddSecret(ctx context.Context, id string, s Secret) error
	// DropSecrets forgets all secrets but the newest; ErrNotFound.
	DropSecrets(ctx context.Context, id string, now time.Time) error
	// DisableClient bars it; ErrNotFound. Disabling twice keeps the first
	// moment.
	DisableClient(ctx context.Context, id string, at time.Time) error
	// EnableClient lets it in again, also when it was withdrawn; ErrNotFound.
	EnableClient(ctx context.Context, id string, now time.Time) error
	// DeleteClient removes it; ErrNotFound.
	DeleteClient(ctx context.Context, id string, now time.Time) error
	// UseAssertion remembers the jti of an assertion until it expires: the
	// first moment at which nobody accepts it, leeway included. ErrReplayed
	// when it is remembered already.
	UseAssertion(ctx context.Context, clientID, jti string, expires time.Time) error
	// PruneAssertions forgets those that have expired by t, and answers how
	// many.
	PruneAssertions(ctx context.Context, t time.Time) (int, error)
}
