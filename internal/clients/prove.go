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

// ErrBarred says that a client may not be used like this: there is none of this
// name, it is disabled, or it must prove who it is. Which of them is nobody's
// business.
var ErrBarred = errors.New("client barred")

// Shown is what a client shows to prove who it is: a name, and at most one of
// Secret and Assertion. A name alone is what public clients have (RFC 6749
// §2.1).
type Shown struct {
	// ClientID may be left out beside an Assertion, which says it as well.
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

// Prover finds out whether a client is who it says. Safe for concurrent use.
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

// hasSecret compares under every key, also when one fits.
func (p *Prover) hasSecret(c Client, plain Plain) bool {
	found := false
	for _, key := range p.hashKeys() {
		found = c.HasSecret(Hash(key, plain)) || found
	}
	return found && len(plain) <= maxSecret
}

// Examine finds out who a client is, and leaves a client assertion unused: the
// caller must call [Proof.Spend]. Unknown, disabled and wrongly proved are one
// answer, and take the same work where there is a secret to guess. Errors wrap
// ErrNotProved.
func (p *Prover) Examine(ctx context.Context, s Shown, now time.Time) (*Proof, error) {
	if s.Assertion != "" {
		return p.byAssertion(ctx, s, now)
	}
	c, err := find(ctx, p.store, s.ClientID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	// Compared also when there is no client: the shorter way would tell which
	// names are taken.
	proved := p.hasSecret(c, s.Secret)
	if s.Secret == "" {
		// Only people's applications may be public. A service without
		// credentials is there to be an audience, and anybody knows its name.
		proved = c.Public()
	}
	if err == nil && proved && !c.Disabled() {
		return &Proof{Client: c}, nil
	}
	return nil, notProved(c.doubt(s, proved))
}

// doubt says, for the operator's log, why a client is not believed. It names
// none but those that are registered: a secret may stand in the wrong place.
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

// Why a client is not believed: for the log alone, whoever asks is told nothing.
var (
	errUnknown     = errors.New("no client of this id")
	errNoProof     = errors.New("it must prove who it is, and showed nothing")
	errWrongSecret = errors.New("the secret is wrong")
	errDisabled    = errors.New("it is disabled")
	errUnusable    = errors.New("no client of this id, or it is disabled")
)

// Usable finds a client that is not disabled; ErrBarred.
func Usable(ctx context.Context, store Finder, id string) (Client, error) {
	c, err := find(ctx, store, id)
	switch {
	case errors.Is(err, ErrNotFound), err == nil && c.Disabled():
		return Client{}, ErrBarred
	case err != nil:
		return Client{}, err
	}
	return c, nil
}

// Usable is [Usable] in the prover's store.
func (p *Prover) Usable(ctx context.Context, id string) (Client, error) {
	return Usable(ctx, p.store, id)
}

// find does not ask a store for what cannot be an id: some of it, such as a NUL
// byte, is an error to a database and would be told apart.
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
