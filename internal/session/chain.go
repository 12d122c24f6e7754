package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/secret"
)

// keySize is the least length of the key that tags refresh tokens.
const keySize = 32

// rotateTries bounds how often Refresh tries again after it lost a race. Another
// request has rotated the session then, so the second try nearly always decides.
const rotateTries = 8

// Chain starts sessions and refreshes them. Each refresh token works once. It is safe
// for concurrent use.
type Chain struct {
	store  ChainStore
	keys   func() []secret.Bytes
	policy Policy
}

// NewChain returns a chain. key authenticates refresh tokens and must be at least 32
// random bytes. An attacker who has both the key and the database can refresh every
// session.
func NewChain(store ChainStore, key []byte, policy Policy) (*Chain, error) {
	if len(key) < keySize {
		return nil, fmt.Errorf("refresh token key of %d bytes: need %d", len(key), keySize)
	}
	if err := policy.Validate(); err != nil {
		return nil, fmt.Errorf("session policy: %w", err)
	}
	only := []secret.Bytes{key}
	return &Chain{store: store, keys: func() []secret.Bytes { return only }, policy: policy}, nil
}

// WithKeys returns a chain whose key changes: the first of keys makes refresh tokens,
// and tokens of all keys are accepted.
func (c *Chain) WithKeys(keys func() []secret.Bytes) *Chain {
	other := *c
	other.keys = keys
	return &other
}

// PerAccount returns how many sessions an account may have; 0 for any number.
func (c *Chain) PerAccount() int { return c.policy.PerAccount }

// Started is a new session that is not stored yet, with its first refresh token.
type Started struct {
	Session Session
	Token   Token
}

// Start makes a session for an account that has proved credentials. The caller stores it
// in the step that confirms that these have not changed.
func (c *Chain) Start(accountID string, proofs Proofs, terms Terms, use Use) (Started, error) {
	policy := c.policy.under(terms)
	// Milliseconds are what stores keep: a session must read back equal.
	now := use.At.Truncate(time.Millisecond)
	absolute := now.Add(policy.Absolute)
	s := Session{
		ID:             newID().String(),
		AccountID:      accountID,
		ClientID:       terms.ClientID,
		Audience:       terms.Audience,
		Parent:         terms.Parent,
		Proofs:         proofs,
		CreatedAt:      now,
		UsedAt:         now,
		RotatedAt:      use.Steady.Truncate(time.Millisecond),
		Address:        use.Address,
		UserAgent:      use.UserAgent,
		ExpiresAt:      policy.idleExpiry(now, absolute),
		AbsoluteExpiry: absolute,
	}
	rand.Read(s.Salt[:])
	token, err := c.derive(s, s.Generation)
	return Started{s, token}, err
}

// Kind names what a refresh showed in addition to its result.
type Kind string

// The kinds of Event.
const (
	// TokenReused: a spent refresh token was sent again. The session was ended.
	TokenReused Kind = "session.refresh_token_reused"
	// ReplayedElsewhere: inside the grace window, another user agent sent the same
	// token and got the same successor. If it was a thief, the next refresh of either
	// side ends the session.
	ReplayedElsewhere Kind = "session.refresh_replayed_elsewhere"
	// AheadOfStore: a genuine token has a later generation than the store, so the store
	// lost writes (a backup was restored, or a lagging replica promoted). The session
	// goes on from the token.
	AheadOfStore Kind = "session.refresh_ahead_of_store"
)

// Event is something about a session that its owner or the operator should know. The
// zero value means that nothing happened.
type Event struct {
	Kind      Kind
	SessionID string
	AccountID string
	Use       Use
}

// Refreshed is a session after a refresh, with the successor token.
type Refreshed struct {
	Session Session
	Token   Token
	Event   Event
}

// Refresh spends a refresh token and returns its successor. The same token gets the same
// successor again inside the grace window, until that successor is used. Any other reuse
// means that two parties have the token: the session ends, and the error is ErrReused. A
// client other than the session's gets ErrOtherClient, and nothing is spent. Report the
// Event also when there is an error. Errors: ErrTokenInvalid, ErrEnded, ErrExpired,
// ErrReused.
func (c *Chain) Refresh(ctx context.Context, t Token, terms Terms, use Use) (Refreshed, error) {
	return c.RefreshWith(ctx, t, terms, use, func(Refreshed) error { return nil })
}

// RefreshWith is Refresh with a step before the spending. It calls prepare with the
// result that Refresh will return, before it spends or ends anything. An error of prepare
// leaves token and session as they were. The result has no Token when the session is
// about to end because its token was reused. After a lost race prepare is called again:
// the last call counts.
func (c *Chain) RefreshWith(ctx context.Context, t Token, terms Terms, use Use, prepare func(Refreshed) error) (Refreshed, error) {
	cl, err := parse(t)
	if err != nil {
		return Refreshed{}, err
	}
	use.At, use.Steady = use.At.Truncate(time.Millisecond), use.Steady.Truncate(time.Millisecond)
	for range rotateTries {
		s, err := c.find(ctx, cl, use.At)
		if err != nil {
			return Refreshed{}, err
		}
		if s.ClientID != terms.ClientID {
			return Refreshed{}, ErrOtherClient
		}
		r, done, err := c.step(ctx, s, spend{cl.generation, c.policy.under(terms), terms, use, prepare})
		if done || err != nil {
			return r, err
		}
	}
	return Refreshed{}, fmt.Errorf("refresh session: lost %d races", rotateTries)
}

// Find returns the live session of a refresh token, and spends nothing. The token may be
// spent already. Errors: ErrTokenInvalid, ErrEnded, ErrExpired.
func (c *Chain) Find(ctx context.Context, t Token, now time.Time) (Session, error) {
	found, _, err := c.Look(ctx, t, now)
	return found, err
}

// Look is Find, and reports whether the token was spent, which means that it has a
// successor. That includes tokens inside the grace window.
func (c *Chain) Look(ctx context.Context, t Token, now time.Time) (found Session, spent bool, err error) {
	cl, err := parse(t)
	if err != nil {
		return Session{}, false, err
	}
	found, err = c.find(ctx, cl, now)
	return found, cl.generation < found.Generation, err
}

// find reads the session that a token claims. It checks that the claim is genuine before
// it reports anything else about the session.
func (c *Chain) find(ctx context.Context, cl claim, now time.Time) (Session, error) {
	s, err := c.store.Session(ctx, cl.id)
	if errors.Is(err, ErrNotFound) {
		return Session{}, ErrTokenInvalid
	}
	if err != nil {
		return Session{}, fmt.Errorf("find session: %w", err)
	}
	if !c.genuine(cl, s) {
		return Session{}, ErrTokenInvalid
	}
	return s, s.Check(now)
}

// spend is one try to spend a genuine refresh token.
type spend struct {
	generation int64
	policy     Policy
	terms      Terms
	use        Use
	prepare    func(Refreshed) error
}

// repeats reports whether the predecessor still gets the same successor, so long after
// that was issued.
func (t spend) repeats(since time.Duration) bool {
	return since <= t.policy.Grace || since < t.terms.Retry
}

// step decides what one presented generation means for the session as read.
// done is false when another request changed the session meanwhile.
func (c *Chain) step(ctx context.Context, s Session, t spend) (r Refreshed, done bool, err error) {
	use := t.use
	switch {
	case t.generation >= s.Generation:
		return c.rotate(ctx, s, t)
	case t.generation == s.Generation-1 && t.repeats(s.sinceRotation(use)):
		if r, err = c.repeat(s, use); err == nil {
			err = t.prepare(r)
		}
		if err != nil {
			return Refreshed{}, true, err
		}
		return r, true, nil
	}
	// The successor of an older token was used as well. No honest retry does that,
	// however early it comes.
	if err := t.prepare(Refreshed{Session: s, Event: s.event(TokenReused, use)}); err != nil {
		return Refreshed{}, true, err
	}
	r, err = c.reused(ctx, s, use)
	return r, true, err
}

// rotate moves the session to the generation after the spent one.
func (c *Chain) rotate(ctx context.Context, s Session, t spend) (Refreshed, bool, error) {
	use := t.use
	if use.At.Before(s.UsedAt) {
		// The clock of this process is slow: the session must not end sooner for that.
		use.At = s.UsedAt
	}
	rotation := Rotation{
		ID:        s.ID,
		From:      s.Generation,
		To:        t.generation + 1,
		Use:       use,
		ExpiresAt: t.policy.idleExpiry(use.At, s.AbsoluteExpiry),
	}
	if t.terms.NoRotation { // the token itself is the answer
		rotation.To = t.generation
	}
	var event Event
	if t.generation > s.Generation {
		event = s.event(AheadOfStore, use)
	}
	next := s
	next.Generation, next.UsedAt, next.ExpiresAt = rotation.To, use.At, rotation.ExpiresAt
	next.RotatedAt, next.Address, next.UserAgent = use.Steady, use.Address, use.UserAgent
	token, err := c.derive(next, next.Generation)
	if err != nil {
		return Refreshed{}, false, err
	}
	r := Refreshed{next, token, event}
	if err := t.prepare(r); err != nil {
		return Refreshed{}, false, err
	}
	won, err := c.store.Rotate(ctx, rotation)
	if err != nil || !won {
		return Refreshed{}, false, wrap("rotate refresh token", err)
	}
	return r, true, nil
}

// sinceRotation returns how long ago the session's last refresh was. Wall clocks of two
// processes may differ, and may be set: they count only without a steady clock.
func (s Session) sinceRotation(use Use) time.Duration {
	if use.Steady.IsZero() || s.RotatedAt.IsZero() {
		return max(0, use.At.Sub(s.UsedAt))
	}
	return max(0, use.Steady.Sub(s.RotatedAt))
}

// repeat returns the successor that was issued already. It writes nothing, so a
// repetition extends neither the grace window nor the session.
func (c *Chain) repeat(s Session, use Use) (Refreshed, error) {
	var event Event
	if use.UserAgent != s.UserAgent {
		event = s.event(ReplayedElsewhere, use)
	}
	token, err := c.derive(s, s.Generation)
	return Refreshed{s, token, event}, err
}

// reused ends the session, because nothing shows whether the thief or the owner sent the
// token.
func (c *Chain) reused(ctx context.Context, s Session, use Use) (Refreshed, error) {
	end := End{ID: s.ID, Reason: ReasonTokenReused, At: use.At}
	if _, err := c.store.EndSession(ctx, end); err != nil {
		return Refreshed{}, fmt.Errorf("end session of a reused token: %w", err)
	}
	return Refreshed{Event: s.event(TokenReused, use)}, ErrReused
}

func (s Session) event(k Kind, use Use) Event {
	return Event{Kind: k, SessionID: s.ID, AccountID: s.AccountID, Use: use}
}

// wrap adds what was being done to an error, if there is one.
func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// StepUp records what the session's owner has proved, and reports whether the
// session was alive.
func (c *Chain) StepUp(ctx context.Context, id string, proofs Proofs) (bool, error) {
	alive, err := c.store.StepUp(ctx, id, proofs)
	return alive, wrap("step up session", err)
}
