package signin

import (
	"context"
	"fmt"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/guard"
)

// Reasons of a failed sign-in in events. The response does not contain them.
const (
	reasonUnknown  = "unknown_account"
	reasonWrong    = "wrong_password"
	reasonDisabled = "account_disabled"
)

// failed records that a password was refused, also for an account that does not
// exist, so that both take the same time. It returns err, or why the event could
// not be written. The event does not have what was typed: people type passwords
// into the wrong field.
func (s *Service) failed(ctx context.Context, a Attempt, counted *guard.Reservation, err error) error {
	e := event.Event{
		Type: event.LoginFailed, At: a.use.At, AccountID: a.Account.ID, SessionID: a.sessionID, ClientID: a.clientID,
		Address: a.use.Address, UserAgent: a.use.UserAgent, Reason: reasonWrong,
	}
	switch {
	case a.Account.ID == "":
		e.Reason = reasonUnknown
	case a.Account.Disabled():
		e.Reason = reasonDisabled
	}
	all := []event.Event{e}
	if counted.Suspends {
		e.Type, e.Reason, e.SessionID = event.LoginSuspended, "too_many_failures", ""
		e.Detail = map[string]string{"wait": counted.Next.String()}
		all = append(all, e)
	}
	// A guess counts also when the client has hung up.
	if lost := s.events.Append(context.WithoutCancel(ctx), all); lost != nil {
		return fmt.Errorf("record failed sign-in: %w", lost)
	}
	return err
}
