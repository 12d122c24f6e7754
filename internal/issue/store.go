package issue

import (
	"context"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/session"
)

// Store starts sessions. Each method is one atomic step, in which the rules and
// events are written that follow from it.
type Store interface {
	// StartSession adds the session if the account is enabled and its credentials
	// are still those of Start.Account; account.ErrChanged otherwise. Without this,
	// a session could be added after a change of password ended all sessions. It
	// returns the head of the revocation log from before it read the account. A
	// session whose parent has ended, has a parent itself, or is another account's, is
	// session.ErrEnded.
	StartSession(ctx context.Context, s Start) (revision int64, err error)
}

// Start is a sign-in that has been proved.
type Start struct {
	Session session.Session
	// Account is the account as the sign-in read it.
	Account account.Account
	// NewHash replaces the password hash when its parameters are outdated; empty
	// keeps it.
	NewHash string
	// Advice is the new value of Account.PasswordAdvice.
	Advice string
	// MostSessions is how many sessions the account may have, with this one. The
	// step ends those that were not used for longest. 0 sets no limit.
	MostSessions int
}
