// Package webhook tells services that cannot use our SDK what happened: it
// delivers the event log to their URLs, signed as Standard Webhooks or as
// Security Event Tokens (RFC 8417, pushed per RFC 8935), or lets them fetch it
// (RFC 8936).
//
// Each subscription has a cursor in the log that moves only after the receiver
// has acknowledged, so that every event arrives at least once and in order;
// duplicates have the same id. A failing event is tried again, before any later
// one, for [Patience]; then it goes to the dead letters and the next one has its
// turn. A slow receiver delays nobody else.
package webhook

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/webhook/push"
)

// Errors of this package.
var (
	// ErrNotFound says that there is no such subscription.
	ErrNotFound = errors.New("webhook not found")
	// ErrNoClient says that a subscription names a client that there is not.
	ErrNoClient = errors.New("webhook of an unknown client")
	// ErrInvalid says that a subscription cannot be as it was described. The
	// error is a Fault.
	ErrInvalid = errors.New("webhook invalid")
	// ErrTooMany says that there are MaxSubscriptions already.
	ErrTooMany = errors.New("too many webhooks")
	// ErrEventGone says that there is no such dead letter, or that its event
	// has left the log.
	ErrEventGone = errors.New("event not among the dead letters, or no longer in the log")
	// ErrFormat says that a subscription of this format cannot do that: only
	// Standard has a secret, only Poll is polled, only the others are pushed to.
	ErrFormat = errors.New("webhook has another format")
)

// Fault says what is wrong with one field of a subscription. It is an
// ErrInvalid.
type Fault struct{ Field, Detail string }

// Error names the field.
func (f Fault) Error() string { return ErrInvalid.Error() + ": " + f.Field + ": " + f.Detail }

// Is makes a Fault an ErrInvalid.
func (Fault) Is(target error) bool { return target == ErrInvalid }

// Limits of subscriptions.
const (
	// MaxSubscriptions bounds how many there are, and so how many are
	// delivered to at the same time.
	MaxSubscriptions = 256
	// MaxPatterns and MaxClientID bound a subscription: the number of types of
	// events, and the length in characters. A URL is at most [push.MaxURL] long.
	MaxPatterns = 32
	MaxClientID = 255
)

// Format says what a receiver gets, and how.
type Format string

// The formats. The zero value is none and is refused.
const (
	// Standard is a JSON body, signed as Standard Webhooks say.
	Standard Format = "standard"
	// SET is a Security Event Token (RFC 8417), pushed (RFC 8935).
	SET Format = "set"
	// Poll is a Security Event Token that the receiver fetches (RFC 8936).
	Poll Format = "poll"
)

// Subscription is one receiver of events.
type Subscription struct {
	// ID is a random UUID.
	ID string
	// ClientID is the client that it belongs to, and the audience of Security
	// Event Tokens.
	ClientID string
	Format   Format
	// URL is where events are pushed; empty for Poll.
	URL string
	// Types are what it wants: exact types, "session.*" for all that begin so,
	// or "*" for all. Never empty.
	Types []string
	// AllowPrivate lets URL be in a private network (RFC 1918, RFC 4193,
	// RFC 6598): whoever can make a subscription could otherwise look around
	// in the network of the service. Link-local addresses and those of cloud
	// metadata services stay refused.
	AllowPrivate bool
	// Generation counts the secrets that it had, from 1; RotatedAt is when the
	// newest was made.
	Generation int64
	RotatedAt  time.Time
	// KeptGeneration is the oldest secret that still signs during Overlap.
	KeptGeneration int64
	CreatedAt      time.Time
	// DisabledAt is zero while events are delivered; DisabledWhy is a Reason.
	DisabledAt  time.Time
	DisabledWhy Reason
	Progress
}

// Reason says why a subscription was disabled.
type Reason string

// The reasons.
const (
	// ReasonGone: the receiver answered 410.
	ReasonGone Reason = "gone"
	// ReasonAdmin: an administrator did it.
	ReasonAdmin Reason = "admin"
)

// Progress is how far a subscription has come.
type Progress struct {
	// Cursor is the place of the last event that is done with: delivered, not
	// wanted, or a dead letter.
	Cursor int64
	// Failures are the tries that failed since the last success, FailingSince
	// the moment of the first; zero while all is well.
	Failures     int
	FailingSince time.Time
	// NextAt is when the event after the cursor is tried again; zero for at
	// once.
	NextAt time.Time
}

// Disabled reports whether nothing is delivered.
func (s Subscription) Disabled() bool { return !s.DisabledAt.IsZero() }

// Wants reports whether events of a type are to be delivered.
func (s Subscription) Wants(t event.Type) bool {
	return slices.ContainsFunc(s.Types, func(pattern string) bool { return matches(pattern, t) })
}

// filter finds the events that are wanted.
func (s Subscription) filter() event.Filter {
	types := slices.DeleteFunc(event.Types(), func(t event.Type) bool { return !s.Wants(t) })
	if len(types) == 0 {
		types = []event.Type{"none"} // an empty filter would narrow nothing
	}
	return event.Filter{Types: types}
}

func matches(pattern string, t event.Type) bool {
	if pattern == "*" {
		// What becomes of subscriptions is told to those alone who ask for it.
		return !strings.HasPrefix(string(t), "webhook.")
	}
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(string(t), prefix)
	}
	return pattern == string(t)
}

// due reports whether there may be something to push at now.
func (s Subscription) due(head int64, now time.Time) bool {
	return s.pending(head) && !s.NextAt.After(now)
}

// pending reports whether events are left to deliver, now or after a pause.
func (s Subscription) pending(head int64) bool {
	return s.Format != Poll && !s.Disabled() && s.Cursor < head
}

// target returns the receiver of pushed events.
func (s Subscription) target() push.Target {
	return push.Target{URL: s.URL, Private: s.AllowPrivate, Token: s.Format == SET}
}

// check refuses what could never be delivered under a policy.
func (s Subscription) check(p push.Policy) error {
	if s.AllowPrivate && len(p.Networks) == 0 {
		return Fault{"allow_private", "the operator permits no private networks; the setting is egress_allow"}
	}
	if s.ClientID == "" || len(s.ClientID) > MaxClientID {
		return Fault{"client_id", fmt.Sprintf("expected 1 to %d characters", MaxClientID)}
	}
	if err := checkTypes(s.Types); err != nil {
		return err
	}
	switch s.Format {
	case Standard, SET:
		if err := p.CheckURL(s.URL, s.AllowPrivate); err != nil {
			return Fault{"url", err.Error()}
		}
		return nil
	case Poll:
		if s.URL != "" {
			return Fault{"url", "a receiver that polls has none"}
		}
		return nil
	}
	return Fault{"format", "expected standard, set or poll"}
}

// checkTypes refuses a pattern that matches nothing: a typing error would
// otherwise wait for ever.
func checkTypes(patterns []string) error {
	if len(patterns) == 0 || len(patterns) > MaxPatterns {
		return Fault{"types", fmt.Sprintf("expected 1 to %d", MaxPatterns)}
	}
	for _, pattern := range patterns {
		head, wild := strings.CutSuffix(pattern, "*")
		whole := head == "" || strings.HasSuffix(head, ".")
		known := slices.ContainsFunc(event.Types(), func(t event.Type) bool { return matches(pattern, t) })
		if !known || wild && !whole {
			return Fault{"types", "one of them matches no event"}
		}
	}
	return nil
}
