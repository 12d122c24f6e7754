// Package session keeps sign-ins. A session is one row from sign-in to end. Its refresh
// tokens are derived from that row, work once, and are never stored.
package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Errors of this package.
var (
	// ErrNotFound reports that there is no session with this id.
	ErrNotFound = errors.New("session not found")
	// ErrEnded reports that the session was ended: by its owner, by an
	// administrator, or because its refresh token was stolen.
	ErrEnded = errors.New("session ended")
	// ErrExpired reports that the session passed its idle or absolute limit.
	ErrExpired = errors.New("session expired")
	// ErrTokenInvalid reports that the refresh token was not made here, or was
	// changed.
	ErrTokenInvalid = errors.New("refresh token invalid")
	// ErrOtherClient reports that a refresh token was issued to a client other than the
	// one that sends it, for example because the client left out its client_id. It is an
	// ErrTokenInvalid. Nothing was spent.
	ErrOtherClient = fmt.Errorf("%w: issued to another client", ErrTokenInvalid)
	// ErrReused reports that a spent refresh token was sent again: two parties have it.
	// The session has been ended.
	ErrReused = errors.New("refresh token reused")
)

// Reason says why a session ended.
type Reason string

// The reasons.
const (
	ReasonSignedOut       Reason = "signed_out"
	ReasonEndedByOwner    Reason = "ended_by_owner"
	ReasonEndedByAdmin    Reason = "ended_by_admin"
	ReasonPasswordChanged Reason = "password_changed"
	ReasonAccountDisabled Reason = "account_disabled"
	ReasonAccountDeleted  Reason = "account_deleted"
	ReasonClientDisabled  Reason = "client_disabled"
	ReasonClientDeleted   Reason = "client_deleted"
	ReasonRevoked         Reason = "revoked"
	ReasonTokenReused     Reason = "refresh_token_reused"
	// ReasonReplaced is another sign-in in the same browser.
	ReasonReplaced Reason = "replaced"
	// ReasonTooMany is a sign-in beyond Policy.PerAccount.
	ReasonTooMany Reason = "too_many_sessions"
)

// Session is one sign-in of one account on one device.
type Session struct {
	// ID is a random UUID; access tokens carry it as sid.
	ID        string
	AccountID string
	// ClientID is the application that was signed in to.
	ClientID string
	// Audience is the service that the sign-in asked tokens for; empty when it
	// named none. A refresh asks for it again.
	Audience string
	// Parent is the session that this one came from; empty for none. The parent has
	// no parent itself. Ending it ends this one in the same step.
	Parent string
	// Proofs are the credentials that the account has proved in this session.
	Proofs Proofs
	// CreatedAt is the sign-in.
	CreatedAt time.Time
	// UsedAt is the last refresh, or the sign-in.
	UsedAt time.Time
	// Address and UserAgent describe the device at UsedAt.
	Address, UserAgent string

	// Generation counts the refreshes; the refresh token of this generation
	// is the one not yet used.
	Generation int64
	// RotatedAt is when this generation began, by the clock of Use.Steady; zero if
	// unknown.
	RotatedAt time.Time
	// Salt ties refresh tokens to this very row.
	Salt [16]byte

	// Revision is the head of the revocation log, read before or with the fields above.
	// A token that is minted from the session carries it (rvs). Zero in lists.
	Revision int64

	// ExpiresAt is the idle limit: it slides with each refresh, but never
	// past AbsoluteExpiry.
	ExpiresAt      time.Time
	AbsoluteExpiry time.Time
	// EndedAt is zero while the session lives.
	EndedAt   time.Time
	EndReason Reason
}

// AuthTime returns when the account last proved a credential in the session.
func (s Session) AuthTime() time.Time { return s.Proofs.AuthTime() }

// Root returns the id of the session at the top: the parent, or the session
// itself.
func (s Session) Root() string { return cmp.Or(s.Parent, s.ID) }

// Check returns nil while the session may be used, else ErrEnded or
// ErrExpired.
func (s Session) Check(now time.Time) error {
	switch {
	case !s.EndedAt.IsZero():
		return ErrEnded
	case !now.Before(s.ExpiresAt):
		return ErrExpired
	}
	return nil
}

// Use says from where a session is used, and when.
type Use struct {
	At time.Time
	// Steady is the same moment by a clock that all processes share and that no
	// change of a wall clock moves. Zero where there is none.
	Steady             time.Time
	Address, UserAgent string
}

// Policy is how long sessions live. The zero value is refused by Validate.
type Policy struct {
	// Idle ends a session that is not refreshed for so long.
	Idle time.Duration
	// Absolute ends every session that long after the sign-in.
	Absolute time.Duration
	// Grace is how long after a refresh the spent token gets the same successor again,
	// for parallel tabs. Terms.Retry can lengthen it.
	Grace time.Duration
	// PerAccount is how many sessions an account may have. A sign-in beyond that
	// ends the sessions that were not used for longest. 0 sets no limit.
	PerAccount int
}

// MaxGrace bounds Policy.Grace: a longer one gives a thief time.
const MaxGrace = time.Minute

// Validate returns all faults of the policy.
func (p Policy) Validate() error {
	var errs []error
	if p.Idle <= 0 {
		errs = append(errs, fmt.Errorf("idle limit %v: must be positive", p.Idle))
	}
	if p.Absolute < p.Idle {
		errs = append(errs, fmt.Errorf("absolute limit %v: must not be shorter than the idle limit %v", p.Absolute, p.Idle))
	}
	if p.Grace < 0 || p.Grace > MaxGrace {
		errs = append(errs, fmt.Errorf("grace %v: must be between 0 and %v", p.Grace, MaxGrace))
	}
	if p.PerAccount < 0 || p.PerAccount > MaxPerAccount {
		errs = append(errs, fmt.Errorf("%d sessions per account: must be between 0 and %d", p.PerAccount, MaxPerAccount))
	}
	return errors.Join(errs...)
}

// MaxPerAccount bounds Policy.PerAccount: each sign-in counts so many sessions.
const MaxPerAccount = 1000

// Terms say through which client a session is used, and how long that client
// lets it be.
type Terms struct {
	// ClientID is the application that people sign in to. A refresh token is
	// good for the client that it was given to, and no other (RFC 6749 §6).
	ClientID string
	// Audience is what a sign-in asks tokens for; see Session.Audience. It changes
	// nothing about a session that has begun.
	Audience string
	// Parent is the session that a sign-in comes from; see Session.Root.
	Parent string
	// Idle and Absolute stand in for those of the Policy; zero keeps them.
	// Absolute counts from the sign-in: a change is for new sessions.
	Idle, Absolute time.Duration
	// Retry is how long the predecessor gets the same successor again, while that was
	// never used. Grace counts if it is longer.
	Retry time.Duration
	// NoRotation keeps the refresh token at a refresh. It is only for a client that
	// has proved who it is: the proof binds the token then (RFC 9700 §4.14.2).
	NoRotation bool
}

// under is the policy with what the terms say instead.
func (p Policy) under(t Terms) Policy {
	p.Idle, p.Absolute = cmp.Or(t.Idle, p.Idle), cmp.Or(t.Absolute, p.Absolute)
	return p
}

// idleExpiry is the sliding limit as of now.
func (p Policy) idleExpiry(now, absolute time.Time) time.Time {
	if t := now.Add(p.Idle); t.Before(absolute) {
		return t
	}
	return absolute
}

// ChainStore is what the refresh chain needs. Each method is one atomic step.
type ChainStore interface {
	// Session finds one, ended or not; ErrNotFound.
	Session(ctx context.Context, id string) (Session, error)
	// Rotate moves the session from one generation to another and reports
	// whether it did: false when another request was faster or the session
	// has ended.
	Rotate(ctx context.Context, r Rotation) (bool, error)
	// EndSession ends it with the sessions that came from it, and reports whether it
	// was alive; ending twice keeps the first reason. One rule about a session also
	// covers those that came from it.
	EndSession(ctx context.Context, e End) (bool, error)
	// StepUp replaces the proofs of a session, and reports whether the session
	// was alive at their AuthTime.
	StepUp(ctx context.Context, id string, proofs Proofs) (bool, error)
}

// Rotation is one step of the refresh chain.
type Rotation struct {
	ID       string
	From, To int64
	Use
	ExpiresAt time.Time
}

// End ends one session.
type End struct {
	ID     string
	Reason Reason
	At     time.Time
}

// EndMany ends all sessions of an account but one, and the parent of that.
type EndMany struct {
	AccountID string
	// Except is a session to keep; empty keeps none.
	Except string
	Reason Reason
	At     time.Time
}

// Listed is a session with the name of its owner.
type Listed struct {
	Session
	Identifier string
}

// Page asks for the sessions that follow After, newest first.
type Page struct {
	// AccountID narrows the page to one account; empty means all.
	AccountID string
	// After is the last session already seen; zero starts at the newest.
	After Position
	// Limit is the greatest number of sessions to answer.
	Limit int
	// Now decides which sessions are alive; only those are listed.
	Now time.Time
}

// List is a part of a list that was searched. A search reads a bounded number of
// sessions, so it can hold fewer than the limit, or none, while the list goes on.
type List struct {
	Sessions []Listed
	// Next is where the list goes on; the zero Position says that it does not.
	Next Position
}

// Position is where a session is in the order of pages.
type Position struct {
	CreatedAt time.Time
	ID        string
}

// Store keeps sessions.
type Store interface {
	ChainStore
	// Sessions lists living sessions, newest first.
	Sessions(ctx context.Context, p Page) (List, error)
	// EndSessions ends the sessions that e describes, and returns how many were alive.
	EndSessions(ctx context.Context, e EndMany) (int, error)
	// PruneSessions deletes sessions whose AbsoluteExpiry is before t, because no token
	// of theirs can be valid. It returns how many.
	PruneSessions(ctx context.Context, t time.Time) (int, error)
}

// newID makes a session id.
func newID() uuid.UUID { return uuid.New() }
