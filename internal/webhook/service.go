package webhook

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/secret"
	"github.com/portaria/portaria/internal/webhook/message"
	"github.com/portaria/portaria/internal/webhook/push"
)

// Config is what a Service needs. Store, Events, Tokens, Key, Log and Now are required.
type Config struct {
	Store  Store
	Events Log
	// Tokens makes Security Event Tokens.
	Tokens message.Tokens
	// Key is what the secrets of all subscriptions are derived from.
	Key secret.Bytes
	// Keys returns the keys in use. The first derives the secrets that are shown; all of
	// them sign. If it is nil, Key is the only one.
	Keys func() []secret.Bytes
	// Push says which addresses receivers may have.
	Push push.Policy
	Log  *slog.Logger
	// Panics logs and counts panics in deliveries. If it is nil, they are only recovered.
	Panics *background.Panics
	Now    func() time.Time
}

// Log is the event log: deliveries read it, and changes of subscriptions are
// written to it.
type Log interface {
	event.Reader
	// Append is that of event.Store.
	Append(ctx context.Context, events []event.Event) error
}

// Service manages subscriptions and delivers to them. Safe for concurrent use.
type Service struct {
	Config
	sender *push.Sender
	// holder names this process in leases.
	holder string
	wake   chan struct{}
	// lookEvery is the constant, except in tests.
	lookEvery time.Duration

	mu   sync.Mutex
	busy map[string]bool // subscriptions that this process delivers to
	news chan struct{}   // closed when the log has new events
}

// New returns a service that delivers nothing until Run.
func New(c Config) (*Service, error) {
	switch {
	case c.Store == nil, c.Events == nil, c.Tokens.Signer == nil, c.Log == nil, c.Now == nil:
		return nil, errors.New("set up webhooks: Store, Events, Tokens, Log or Now is missing")
	case len(c.Key) < 32 || c.Tokens.Issuer == "":
		return nil, errors.New("set up webhooks: needs an issuer and a key of 32 bytes")
	}
	sender, err := push.New(c.Push)
	if err != nil {
		return nil, err
	}
	return &Service{
		Config: c,
		sender: sender,
		holder: rand.Text(),
		wake:   make(chan struct{}, 1),

		lookEvery: lookEvery,

		busy: map[string]bool{},
		news: make(chan struct{}),
	}, nil
}

// Create adds a subscription to events from now on. It returns the subscription and its
// secret, which is empty for formats that are signed with the issuer's key. The caller sets
// ClientID, Format, URL, Types and AllowPrivate; Create sets the other fields. Errors wrap ErrInvalid, ErrTooMany and [message.ErrUnsignable].
func (s *Service) Create(ctx context.Context, sub Subscription) (Subscription, secret.Text, error) {
	if err := sub.check(s.Push); err != nil {
		return Subscription{}, "", err
	}
	now := s.Now()
	if sub.Format != Standard {
		if err := s.Tokens.Check(now); err != nil {
			return Subscription{}, "", fmt.Errorf("create webhook: %w", err)
		}
	}
	head, err := s.Events.LastEvent(ctx)
	if err != nil {
		return Subscription{}, "", fmt.Errorf("create webhook: %w", err)
	}
	sub.ID, sub.Generation, sub.RotatedAt, sub.CreatedAt = uuid.NewString(), 1, now, now
	sub.Progress = Progress{Cursor: head}
	sub.DisabledAt, sub.DisabledWhy = time.Time{}, ""
	if err := s.Store.Create(ctx, sub, s.changed(event.WebhookCreated, sub, "")); err != nil {
		return Subscription{}, "", err
	}
	return sub, s.secretFor(sub), nil
}

// Reasons of changes, in events.
const (
	reasonNewSecret = "new_secret"
	reasonReplay    = "replay"
)

// changed returns the event for a change of a subscription. The store writes both in one
// step.
func (s *Service) changed(t event.Type, sub Subscription, reason string) event.Event {
	return event.Event{Type: t, At: s.Now(), ClientID: sub.ClientID, Reason: reason, Detail: map[string]string{"webhook": sub.ID}}
}

// Delete removes a subscription with its history.
func (s *Service) Delete(ctx context.Context, id string) error {
	sub, err := s.Store.Find(ctx, id)
	if err != nil {
		return err
	}
	return s.Store.Delete(ctx, id, s.changed(event.WebhookDeleted, sub, ""))
}

func (s *Service) secretFor(sub Subscription) secret.Text {
	if sub.Format != Standard {
		return ""
	}
	return show(secretOf(s.keys()[0], sub.ID, sub.Generation))
}

// keys is never empty.
func (s *Service) keys() []secret.Bytes {
	if s.Keys != nil {
		if keys := s.Keys(); len(keys) > 0 {
			return keys
		}
	}
	return []secret.Bytes{s.Key}
}

// RotateSecret creates a new secret and returns it. Both secrets sign during [Overlap], so
// that the receiver has time to switch. Errors wrap ErrNotFound and ErrFormat.
func (s *Service) RotateSecret(ctx context.Context, id string) (secret.Text, error) {
	sub, err := s.Store.Find(ctx, id)
	if err != nil {
		return "", err
	}
	if sub.Format != Standard {
		return "", ErrFormat
	}
	sub, err = s.Store.NextSecret(ctx, id, s.Now(), s.changed(event.WebhookChanged, sub, reasonNewSecret))
	if err != nil {
		return "", err
	}
	return s.secretFor(sub), nil
}

// Enable continues delivery of a disabled subscription where it stopped.
func (s *Service) Enable(ctx context.Context, id string) error {
	defer s.Wake()
	return s.switched(ctx, id, event.WebhookEnabled, "", time.Time{})
}

// Disable stops delivery. Events wait in the log.
func (s *Service) Disable(ctx context.Context, id string) error {
	return s.switched(ctx, id, event.WebhookDisabled, ReasonAdmin, s.Now())
}

func (s *Service) switched(ctx context.Context, id string, t event.Type, why Reason, at time.Time) error {
	sub, err := s.Store.Find(ctx, id)
	if err != nil {
		return err
	}
	return s.Store.Disable(ctx, id, why, at, s.changed(t, sub, string(why)))
}

// Replay delivers the events since a time again, in order and with the same ids. It returns
// the position in the log after which delivery starts. Pruned events are not replayed.
func (s *Service) Replay(ctx context.Context, id string, since time.Time) (int64, error) {
	cursor, err := s.Events.LastEvent(ctx)
	if err != nil {
		return 0, fmt.Errorf("replay webhook: %w", err)
	}
	for after, more := int64(0), true; more; {
		page, err := s.Events.Events(ctx, after, event.Filter{Since: since}, 1)
		if err != nil {
			return 0, fmt.Errorf("replay webhook: %w", err)
		}
		if len(page.Events) > 0 {
			cursor = page.Events[0].Seq - 1
			break
		}
		after, more = page.Next, page.More
	}
	sub, err := s.Store.Find(ctx, id)
	if err != nil {
		return 0, err
	}
	if err := s.Store.Seek(ctx, id, cursor, s.changed(event.WebhookChanged, sub, reasonReplay)); err != nil {
		return 0, err
	}
	s.Wake()
	return cursor, nil
}

// Redeliver attempts a dead letter once more, now and out of order, and returns the
// attempt. A success removes the dead letter. Errors wrap
// ErrNotFound, ErrEventGone and ErrFormat.
func (s *Service) Redeliver(ctx context.Context, id, eventID string) (Attempt, error) {
	sub, err := s.Store.Find(ctx, id)
	if err != nil {
		return Attempt{}, err
	}
	if sub.Format == Poll {
		return Attempt{}, ErrFormat
	}
	e, err := s.deadEvent(ctx, id, eventID)
	if err != nil {
		return Attempt{}, err
	}
	attempt, _ := s.try(ctx, sub, e)
	return attempt, s.Store.Redelivered(context.WithoutCancel(ctx), id, attempt)
}

// deadEvent finds the event of a dead letter in the log.
func (s *Service) deadEvent(ctx context.Context, id, eventID string) (event.Event, error) {
	for after := int64(0); ; {
		letters, err := s.Store.DeadLetters(ctx, id, after, batch)
		if err != nil {
			return event.Event{}, err
		}
		if len(letters) == 0 {
			return event.Event{}, ErrEventGone
		}
		for _, letter := range letters {
			if after = letter.Seq; letter.EventID == eventID {
				return s.eventAt(ctx, letter)
			}
		}
	}
}

func (s *Service) eventAt(ctx context.Context, letter Attempt) (event.Event, error) {
	found, err := s.Events.Events(ctx, letter.Seq-1, event.Filter{}, 1)
	if err != nil {
		return event.Event{}, fmt.Errorf("read event: %w", err)
	}
	if len(found.Events) == 0 || found.Events[0].ID != letter.EventID {
		return event.Event{}, ErrEventGone
	}
	return found.Events[0], nil
}
