// Package clients registers and authenticates applications and services: which tokens
// each may request, with which grants, and how long people stay signed in at it.
package clients

import (
	"context"
	"errors"
	"time"
)

// Errors of this package.
var (
	// ErrNotFound reports that no client has this id.
	ErrNotFound = errors.New("client not found")
	// ErrTaken reports that another client has this id.
	ErrTaken = errors.New("client id taken")
	// ErrInvalid reports an invalid description of a client. The error is of type
	// Faults, which names the fields.
	ErrInvalid = errors.New("client invalid")
	// ErrConfigured reports that the settings describe the client: the next start would
	// undo the change.
	ErrConfigured = errors.New("client described by the settings")
	// ErrNoSecret reports that the client authenticates with a public key, or not at
	// all.
	ErrNoSecret = errors.New("client has no secret")
	// ErrNotProved reports that client authentication failed: the client is unknown or
	// disabled, or its secret or assertion is wrong. Callers must not learn which
	// (RFC 6749 §5.2, invalid_client).
	ErrNotProved = errors.New("client not authenticated")
	// ErrReplayed reports that a client assertion was used before.
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
	// Name is shown to people. The default is the id.
	Name string `name:"name"`
	// Kind is `service` for a program that acts in its own name, or `app` for an application that people sign in with.
	Kind Kind `name:"kind"`
	// Secrets are the valid secrets, newest first: usually two, so that one can be
	// replaced while the other still works, and three after a repeated rotation. A
	// public client and one with a PublicKey have none.
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
	// Configured reports that the settings describe this client: the API must not change
	// what the next start would change back.
	Configured bool
	CreatedAt  time.Time
	// DisabledAt is when an administrator disabled the client; zero for never.
	DisabledAt time.Time
	// WithdrawnAt is when a start found that the settings no longer describe the client,
	// which disables it; zero for never. Describe it again, or enable it.
	WithdrawnAt time.Time
	// Revision is the head of the revocation log, read before or with the fields above.
	// A token that is minted for the client carries it (rvs). Zero in lists.
	Revision int64
}

// Disabled reports whether the client is disabled, by an administrator or by a start.
func (c Client) Disabled() bool { return !c.DisabledAt.IsZero() || !c.WithdrawnAt.IsZero() }

// Public reports whether the client is an app without credentials. A Service without
// credentials is not public: it cannot be used yet.
func (c Client) Public() bool { return c.Kind == App && len(c.Secrets) == 0 && c.PublicKey == "" }

// RepeatedWithin is how soon a rotation counts as a repetition of the one before. The
// response of the first may have been lost, and its secret with it.
const RepeatedWithin = 24 * time.Hour

// Secret is a stored client secret.
type Secret struct {
	// Hash is HMAC-SHA-256 of the secret under a sealed key of the server. Secrets are
	// long and random, so a slow hash adds nothing.
	Hash      [32]byte
	CreatedAt time.Time
}

// Policy bounds the lifetimes of a client's tokens and sessions. Zero fields take the
// defaults of its Kind: those of the settings for an App, 15 minutes for a Service.
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

// Store keeps clients. Each method is one atomic step that also writes the revocation
// rules and events. When a client is disabled, withdrawn or deleted, the step revokes
// its tokens and ends the sessions at it.
type Store interface {
	// Client returns a client, disabled or not; ErrNotFound.
	Client(ctx context.Context, id string) (Client, error)
	// Clients lists clients by id, in the collation of the database. It starts after
	// the given id, or at the first one when that is empty.
	Clients(ctx context.Context, after string, limit int) ([]Client, error)
	// LongestTTL returns the longest Policy.AccessTTL of all clients; zero for none.
	LongestTTL(ctx context.Context) (time.Duration, error)
	// CreateClient adds one; ErrTaken.
	CreateClient(ctx context.Context, c Client) error
	// DescribeClient creates a client, or replaces everything except its secrets,
	// DisabledAt and CreatedAt: a start calls it with what the settings describe. The
	// first of c.Secrets, if any, becomes the newest unless it is stored already. A
	// PublicKey removes all secrets. A withdrawn client is enabled again.
	DescribeClient(ctx context.Context, c Client, now time.Time) error
	// WithdrawClient disables a client that the settings no longer describe. It reports
	// whether they described it until now.
	WithdrawClient(ctx context.Context, id string, at time.Time) (bool, error)
	// AddSecret makes a secret the newest and keeps the one before. When that one
	// is not older than RepeatedWithin, it also keeps the oldest; ErrNotFound.
	AddSecret(ctx context.Context, id string, s Secret) error
	// DropSecrets forgets all secrets but the newest; ErrNotFound.
	DropSecrets(ctx context.Context, id string, now time.Time) error
	// DisableClient disables it; ErrNotFound. Disabling twice keeps the first time.
	DisableClient(ctx context.Context, id string, at time.Time) error
	// EnableClient enables it, also when it was withdrawn; ErrNotFound.
	EnableClient(ctx context.Context, id string, now time.Time) error
	// DeleteClient removes it; ErrNotFound.
	DeleteClient(ctx context.Context, id string, now time.Time) error
	// UseAssertion stores the jti of an assertion until expires, which is when it is no
	// longer accepted, leeway included. ErrReplayed when it is stored already.
	UseAssertion(ctx context.Context, clientID, jti string, expires time.Time) error
	// PruneAssertions deletes those that have expired by t, and returns how many.
	PruneAssertions(ctx context.Context, t time.Time) (int, error)
}
