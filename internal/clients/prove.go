package clients

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/jose"
)

// ServiceAccessTTL is the lifetime of access tokens of a service whose Policy
// says nothing.
const ServiceAccessTTL = 15 * time.Minute

// ErrNotAllowed reports that a client cannot be used in this way: it does not exist, it
// is disabled, or it must authenticate. Callers must not learn which.
var ErrNotAllowed = errors.New("client not allowed")

// Shown is what a client sends to authenticate: its id, and at most one of Secret and
// Assertion. Public clients send the id alone (RFC 6749 §2.1).
type Shown struct {
	// ClientID may be empty with an Assertion, which names the client as well.
	ClientID string
	// Secret is that of client_secret_basic and client_secret_post.
	Secret Plain
	// Assertion is that of private_key_jwt (RFC 7523).
	Assertion Plain
}

// Finder finds clients: part of a [Store].
type Finder interface {
	// Client finds one, disabled or not; ErrNotFound.
	Client(ctx context.Context, id string) (Client, error)
}

// ProofStore is what a Prover needs of a [Store].
type ProofStore interface {
	Finder
	// UseAssertion is [Store.UseAssertion].
	UseAssertion(ctx context.Context, clientID, jti string, expires time.Time) error
}

// Prover authenticates clients. It is safe for concurrent use.
type Prover struct {
	store    ProofStore
	hashKeys func() []Key
	// audiences are the names of this service in assertions.
	audiences []string
	keys      jose.Memo // of what clients have registered
}

// NewProver returns a prover of clients whose secrets were hashed with this key.
// Assertions must be meant for one of the audiences: the issuer and the URL of
// the token endpoint (RFC 7523 §3).
func NewProver(store ProofStore, key Key, audiences ...string) *Prover {
	return &Prover{store: store, hashKeys: func() []Key { return []Key{key} }, audiences: audiences}
}

// WithKeys returns a prover of clients whose secrets were hashed with any of
// these keys.
func (p *Prover) WithKeys(keys func() []Key) *Prover {
	return &Prover{store: p.store, hashKeys: keys, audiences: p.audiences}
}

// hasSecret compares under every key, also after a match, so that its time is constant.
func (p *Prover) hasSecret(c Client, plain Plain) bool {
	found := false
	for _, key := range p.hashKeys() {
		found = c.HasSecret(Hash(key, plain)) || found
	}
	return found && len(plain) <= maxSecret
}

// Examine authenticates a client without using up its assertion: the caller must call
// [Proof.Spend]. Unknown, disabled and wrong credentials give the same error after the
// same work. Errors wrap ErrNotProved.
func (p *Prover) Examine(ctx context.Context, s Shown, now time.Time) (*Proof, error) {
	if s.Assertion != "" {
		return p.byAssertion(ctx, s, now)
	}
	c, err := find(ctx, p.store, s.ClientID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	// Compare also when there is no client: otherwise the shorter time shows which
	// ids exist.
	proved := p.hasSecret(c, s.Secret)
	if s.Secret == "" {
		// Only apps may be public. A service without credentials is registered as an
		// audience, and its id is no secret.
		proved = c.Public()
	}
	if err == nil && proved && !c.Disabled() {
		return &Proof{Client: c}, nil
	}
	return nil, notProved(c.doubt(s, proved))
}

// doubt returns, for the operator's log, why authentication failed. It names registered
// clients alone: the id of an unknown one may be a misplaced secret.
func (c Client) doubt(s Shown, proved bool) error {
	switch {
	case c.ID == "":
		return errUnknown
	case s.Secret == "" && !proved:
		return fmt.Errorf("client %s: %w", c.ID, errNoProof)
	case !proved:
		return fmt.Errorf("client %s: %w", c.ID, errWrongSecret)
	}
	return fmt.Errorf("client %s: %w", c.ID, errDisabled)
}

// Why authentication failed. These are for the log and never sent to the caller.
var (
	errUnknown     = errors.New("no client has this id")
	errNoProof     = errors.New("client authentication required, no credentials sent")
	errWrongSecret = errors.New("wrong client secret")
	errDisabled    = errors.New("client disabled")
	errUnusable    = errors.New("no client has this id, or it is disabled")
)

// Usable finds a client that is not disabled; ErrNotAllowed.
func Usable(ctx context.Context, store Finder, id string) (Client, error) {
	c, err := find(ctx, store, id)
	switch {
	case errors.Is(err, ErrNotFound), err == nil && c.Disabled():
		return Client{}, ErrNotAllowed
	case err != nil:
		return Client{}, err
	}
	return c, nil
}

// Usable is [Usable] in the prover's store.
func (p *Prover) Usable(ctx context.Context, id string) (Client, error) {
	return Usable(ctx, p.store, id)
}

// find asks the store only for valid ids: a database returns a different error for some
// others, for example with a NUL byte, and callers could see the difference.
func find(ctx context.Context, store Finder, id string) (Client, error) {
	if !IsID(id) {
		return Client{}, ErrNotFound
	}
	c, err := store.Client(ctx, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("find client: %w", err)
	}
	return c, err
}
