// Package flow keeps short-lived state that is used once: sign-in attempts,
// authorization requests, codes and proofs by mail. A flow is addressed by an opaque
// random value, of which only a hash is stored.
package flow

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/secret"
)

// Errors of this package.
var (
	// ErrNotFound says that there is no flow of this kind with this value: it is
	// unknown, has expired, or is of another kind.
	ErrNotFound = errors.New("flow not found")
	// ErrSpent says that the flow was spent before.
	ErrSpent = errors.New("flow spent")
	// ErrChanged says that another request advanced the flow after it was read.
	ErrChanged = errors.New("flow changed meanwhile")
	// ErrInvalid says that a flow cannot begin or advance like this: its kind is
	// missing, its data is too long, or its lifetime is out of bounds.
	ErrInvalid = errors.New("flow has no kind, too much data, or a lifetime out of bounds")
)

// Limits of flows.
const (
	// MaxData is the greatest length of Flow.Data, in bytes.
	MaxData = 16 << 10
	// MaxLife is the longest lifetime of a flow.
	MaxLife = 24 * time.Hour

	// size is the number of random bytes of a value.
	size = 32
)

// Kind says what a flow is for. A value of one kind is of no use for another.
type Kind string

// Value addresses a flow. It is as secret as a password.
type Value = secret.Text

// Flow is one flow as it is kept.
type Flow struct {
	// Hash is that of the Value, and the key of the flow.
	Hash string
	Kind Kind
	// AccountID and ClientID are those that the flow is bound to; empty for none.
	AccountID, ClientID string
	// Data is what its owner keeps in it, as text.
	Data string
	// Version counts how often the flow was advanced.
	Version              int64
	CreatedAt, ExpiresAt time.Time
	// SpentAt is zero until the flow is spent. A spent flow is kept until it
	// expires, so that a second use is noticed.
	SpentAt time.Time
}

// Check returns nil while the flow is of this kind and can be advanced and spent;
// else ErrNotFound or ErrSpent.
func (f Flow) Check(kind Kind, now time.Time) error {
	switch {
	case f.Kind != kind, !now.Before(f.ExpiresAt):
		return ErrNotFound
	case !f.SpentAt.IsZero():
		return ErrSpent
	}
	return nil
}

// Store keeps flows. Each method is one atomic step.
type Store interface {
	// InsertFlow adds one.
	InsertFlow(ctx context.Context, f Flow) error
	// Flow finds one by its hash, also when it is spent or has expired;
	// ErrNotFound.
	Flow(ctx context.Context, hash string) (Flow, error)
	// AdvanceFlow replaces the account and the data of a flow and raises its
	// version, if it is unspent, lives at now and has the version of f. It reports
	// whether it did.
	AdvanceFlow(ctx context.Context, f Flow, now time.Time) (bool, error)
	// SpendFlow spends a flow, if it is unspent, lives at now and has the version
	// of f. It reports whether it did: of several callers one at most.
	SpendFlow(ctx context.Context, f Flow, now time.Time) (bool, error)
	// PruneFlows removes flows that have expired by t, and returns how many.
	PruneFlows(ctx context.Context, t time.Time) (int, error)
}

// Flows begins flows and spends them. Make it with New. It is safe for concurrent
// use.
type Flows struct{ store Store }

// New returns the flows of a store.
func New(store Store) *Flows { return &Flows{store} }

// Begin keeps a flow for so long and returns its value. It sets Hash, Version and
// the times of f. Errors: ErrInvalid.
func (s *Flows) Begin(ctx context.Context, f Flow, life time.Duration, now time.Time) (Value, error) {
	if life < time.Second || life > MaxLife {
		return "", fmt.Errorf("%w: lifetime %v", ErrInvalid, life)
	}
	if err := f.validate(); err != nil {
		return "", err
	}
	value := newValue()
	now = now.Truncate(time.Millisecond)
	f.Hash, f.Version, f.CreatedAt, f.ExpiresAt, f.SpentAt = hash(value), 0, now, now.Add(life), time.Time{}
	if err := s.store.InsertFlow(ctx, f); err != nil {
		return "", fmt.Errorf("begin flow: %w", err)
	}
	return value, nil
}

// Load returns a flow of this kind, and changes nothing. A spent flow is returned
// together with ErrSpent, so that what came of it can be revoked. Errors:
// ErrNotFound, ErrSpent.
func (s *Flows) Load(ctx context.Context, kind Kind, value Value, now time.Time) (Flow, error) {
	if !isValue(value) {
		return Flow{}, ErrNotFound
	}
	f, err := s.store.Flow(ctx, hash(value))
	if errors.Is(err, ErrNotFound) {
		return Flow{}, ErrNotFound
	}
	if err != nil {
		return Flow{}, fmt.Errorf("load flow: %w", err)
	}
	if err := f.Check(kind, now); !errors.Is(err, ErrSpent) && err != nil {
		return Flow{}, err
	}
	return f, f.Check(kind, now)
}

// Advance writes the account and the data of a flow that Load returned, and
// returns it with its new version. Errors: ErrInvalid; ErrChanged when another
// request was faster, or the flow is spent or has expired.
func (s *Flows) Advance(ctx context.Context, f Flow, now time.Time) (Flow, error) {
	if err := f.validate(); err != nil {
		return Flow{}, err
	}
	won, err := s.store.AdvanceFlow(ctx, f, now)
	if err != nil {
		return Flow{}, fmt.Errorf("advance flow: %w", err)
	}
	if !won {
		return Flow{}, ErrChanged
	}
	f.Version++
	return f, nil
}

// Spend uses up a flow that Load or Advance returned. Call it last: after all that
// can fail for another reason. Errors: ErrChanged when another request spent or
// advanced the flow first, or it has expired.
func (s *Flows) Spend(ctx context.Context, f Flow, now time.Time) error {
	won, err := s.store.SpendFlow(ctx, f, now)
	if err != nil {
		return fmt.Errorf("spend flow: %w", err)
	}
	if !won {
		return ErrChanged
	}
	return nil
}

func (f Flow) validate() error {
	switch {
	case f.Kind == "":
		return fmt.Errorf("%w: no kind", ErrInvalid)
	case len(f.Data) > MaxData:
		return fmt.Errorf("%w: %d bytes of data, at most %d", ErrInvalid, len(f.Data), MaxData)
	}
	return nil
}

func newValue() Value {
	var random [size]byte
	rand.Read(random[:])
	return Value(base64.RawURLEncoding.EncodeToString(random[:]))
}

// isValue reports whether text can be a value in its one spelling.
func isValue(text Value) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	return err == nil && len(b) == size
}

// hash needs neither salt nor time: the value has 256 random bits.
func hash(value Value) string {
	sum := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
