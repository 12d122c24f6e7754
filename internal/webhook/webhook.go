// Package webhook delivers the event log to services that do not use our SDK. It pushes
// events to their URLs, as Standard Webhooks or as Security Event Tokens (RFC 8417, pushed
// per RFC 8935), or lets the services fetch them (RFC 8936).
//
// Each subscription has a cursor in the log, which moves only after the receiver
// acknowledged. So every event arrives at least once and in order. A duplicate has the same
// id. An event that fails is retried for [Patience], and later events wait for it. Then it
// becomes a dead letter, and delivery continues with the next event. A slow receiver delays
// no other subscription.
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
	// ErrNotFound reports that the subscription does not exist.
	ErrNotFound = errors.New("webhook not found")
	// ErrNoClient reports that the client of a subscription does not exist.
	ErrNoClient = errors.New("webhook of an unknown client")
	// ErrInvalid reports an invalid field of a subscription. The error is a Fault.
	ErrInvalid = errors.New("webhook invalid")
	// ErrTooMany reports that there are MaxSubscriptions already.
	ErrTooMany = errors.New("too many webhooks")
	// ErrEventGone reports that the dead letter does not exist, or that its event
	// was pruned from the log.
	ErrEventGone = errors.New("event not among the dead letters, or no longer in the log")
	// ErrFormat reports that the format of a subscription does not support the call: only
	// Standard has a secret, and Poll is polled and not pushed to.
	ErrFormat = errors.New("webhook has another format")
)

// Fault is an [ErrInvalid] that names the invalid field of a subscription.
type Fault struct{ Field, Detail string }

// Error names the field.
func (f Fault) Error() string { return ErrInvalid.Error() + ": " + f.Field + ": " + f.Detail }

// Is makes a Fault an ErrInvalid.
func (Fault) Is(target error) bool { return target == ErrInvalid }

// Limits of subscriptions.
const (
	// MaxSubscriptions is the greatest number of subscriptions, and so of deliveries at
	// the same time.
	MaxSubscriptions = 256
	// MaxPatterns and MaxClientID bound a subscription: the number of types of
	// events, and the length in characters. A URL is at most [push.MaxURL] long.
	MaxPatterns = 32
	MaxClientID = 255
)

// Format says what a receiver gets, and how.
type Format string

// The formats. The zero value is invalid.
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
	// Types are the types to deliver: exact types, a prefix such as "session.*", or "*"
	// for all. Never empty.
	Types []string
	// AllowPrivate permits a URL in a private network (RFC 1918, RFC 4193, RFC 6598)
	// that the operator lists. Without it, anybody who may create a subscription could
	// scan the network of the service. Link-local and cloud metadata addresses are never
	// permitted.
	AllowPrivate bool
	// Generation is the number of the current secret, from 1. RotatedAt is when it was
	// created.
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

// Reason is why a subscription was disabled.
type Reason string

// The reasons.
const (
	// ReasonGone: the receiver returned 410.
	ReasonGone Reason = "gone"
	// ReasonAdmin: an administrator did it.
	ReasonAdmin Reason = "admin"
)

// Progress is how far a subscription has come.
type Progress struct {
	// Cursor is the position in the log of the last event that needs no further work: it
	// was delivered, is not wanted, or is a dead letter.
	Cursor int64
	// Failures is the number of failed attempts since the last success, and FailingSince
	// the time of the first. Both are zero while deliveries succeed.
	Failures     int
	FailingSince time.Time
	// NextAt is the time of the next attempt; zero means now.
	NextAt time.Time
}

// Disabled reports whether delivery is stopped.
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
		// Events about subscriptions are delivered only to subscriptions that name them.
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

// check returns a Fault for a subscription that the policy does not permit.
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

// checkTypes refuses a pattern that matches no event type. Otherwise a typing error would
// go unnoticed.
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
