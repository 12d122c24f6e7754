package login

import (
	"context"
	"errors"
	"time"

	"github.com/portaria/portaria/internal/session"
)

// ErrAccountChanged says that between checking a password and writing what
// followed from it, the account got another password, was disabled or deleted.
var ErrAccountChanged = errors.New("account changed meanwhile")

// Store holds the steps that touch an account and its sessions at once. Each
// method is one atomic step, in which the rules and events are written that
// follow from it.
type Store interface {
	// StartSession adds the session if the account is enabled and its
	// password hash is still the one that was verified; otherwise
	// ErrAccountChanged. Without this, a session could slip in after
	// "change password and end all sessions". It answers the head of the
	// revocation log from before the account was looked at.
	StartSession(ctx context.Context, s Start) (revision int64, err error)
	// ChangePassword replaces OldHash by NewHash and ends the account's
	// other sessions; ErrAccountChanged when OldHash is no longer the hash
	// or the account is disabled. It answers how many sessions it ended.
	ChangePassword(ctx context.Context, c PasswordChange) (int, error)
	// DisableAccount bars the account and ends its sessions; it answers how
	// many. account.ErrNotFound. Disabling twice keeps the first moment.
	DisableAccount(ctx context.Context, id string, now time.Time) (int, error)
	// DeleteAccount removes the account, its identifiers and sessions;
	// account.ErrNotFound.
	DeleteAccount(ctx context.Context, id string, now time.Time) error
}

// Start is a sign-in that has been proved.
type Start struct {
	Session session.Session
	// VerifiedHash is the PHC string the password was checked against.
	VerifiedHash string
	// NewHash replaces it when its parameters were outdated; empty keeps it.
	NewHash string
	// MostSessions is how many sessions the account may have, with this one: the
	// step ends those that were not used for longest. 0 sets no limit.
	MostSessions int
}

// PasswordChange is a new password, chosen by whoever knew the old one.
type PasswordChange struct {
	AccountID        string
	OldHash, NewHash string
	// KeepSession is the session that asked for the change and goes on.
	KeepSession string
	At          time.Time
}
