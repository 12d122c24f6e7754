package storetest

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/webhook"
	"github.com/portaria/portaria/internal/webhook/push"
)

func webhookPromises() promises {
	return promises{
		"a webhook is kept as it was made, and listed oldest first": func(s *suite) {
			first, second := s.subscription(), s.subscription()
			first.CreatedAt = at(time.Second)
			second.Types, second.AllowPrivate = []string{"session.*", "key.killed"}, true
			second.DisabledAt, second.DisabledWhy = at(time.Hour), webhook.ReasonAdmin
			second.Progress = webhook.Progress{Cursor: 1 << 40, Failures: 3, FailingSince: at(1e9), NextAt: at(2e9)}
			created := event.Event{Type: event.WebhookCreated, At: start, ClientID: first.ClientID, Reason: "new"}
			s.writes(func() { s.ok(s.hooks.Create(s.ctx, first, created)) }, "webhook.created "+first.ClientID+" new")
			s.ok(s.hooks.Create(s.ctx, second))
			s.hasWebhooks(second, first)
			s.same(s.webhook(second.ID), second)
		},
		"a webhook belongs to a client and goes with it": func(s *suite) {
			orphan := s.subscription()
			orphan.ClientID = "nobody"
			s.fails(s.hooks.Create(s.ctx, orphan), webhook.ErrNoClient)
			sub := s.subscribed()
			s.ok(s.store.DeleteClient(s.ctx, sub.ClientID, start))
			_, err := s.hooks.Find(s.ctx, sub.ID)
			s.fails(err, webhook.ErrNotFound)
		},
		"there are only so many webhooks": func(s *suite) {
			sub := s.subscription()
			for range webhook.MaxSubscriptions {
				sub.ID = uuid.NewString()
				s.ok(s.hooks.Create(s.ctx, sub))
			}
			sub.ID = uuid.NewString()
			s.fails(s.hooks.Create(s.ctx, sub), webhook.ErrTooMany)
			all, err := s.hooks.List(s.ctx)
			s.ok(err)
			s.same(len(all), webhook.MaxSubscriptions)
		},
		"an unknown webhook is not found": func(s *suite) {
			_, err := s.hooks.Find(s.ctx, nobody)
			s.fails(err, webhook.ErrNotFound)
			_, err = s.hooks.NextSecret(s.ctx, nobody, start)
			s.fails(err, webhook.ErrNotFound)
			s.fails(s.hooks.Delete(s.ctx, nobody), webhook.ErrNotFound)
			s.fails(s.hooks.Disable(s.ctx, nobody, webhook.ReasonAdmin, start), webhook.ErrNotFound)
			s.fails(s.hooks.Disable(s.ctx, nobody, "", time.Time{}), webhook.ErrNotFound)
			s.fails(s.hooks.Seek(s.ctx, nobody, 1), webhook.ErrNotFound)
			s.fails(s.hooks.Redelivered(s.ctx, nobody, tried(1)), webhook.ErrNotFound)
			_, ours, err := s.hooks.Lease(s.ctx, lease(nobody, "a", 0))
			s.ok(err)
			s.same(ours, false)
			_, ours, err = s.hooks.Record(s.ctx, webhook.Step{ID: nobody})
			s.ok(err)
			s.same(ours, false)
		},
		"each secret of a webhook raises its generation": func(s *suite) {
			sub := s.subscribed()
			got, err := s.hooks.NextSecret(s.ctx, sub.ID, at(time.Hour))
			s.ok(err)
			sub.Generation, sub.RotatedAt, sub.KeptGeneration = 2, at(time.Hour), 1
			s.same(got, sub)
			s.same(s.webhook(sub.ID), sub)
		},
		"a repeated rotation keeps the secret of a webhook from before the first": func(s *suite) {
			sub := s.subscribed()
			for n, hour := range []time.Duration{1, 2, 25, 49} {
				got, err := s.hooks.NextSecret(s.ctx, sub.ID, at(hour*time.Hour))
				s.ok(err)
				want := []int64{1, 1, 1, 4}[n] // the last comes a whole day later
				s.same([]int64{got.Generation, got.KeptGeneration}, []int64{int64(n + 2), want})
			}
		},
		"disabling a webhook twice keeps the first moment, enabling forgets the failures": func(s *suite) {
			sub := s.subscription()
			sub.Progress = webhook.Progress{Cursor: 7, Failures: 3, FailingSince: at(1e9), NextAt: at(2e9)}
			s.ok(s.hooks.Create(s.ctx, sub))
			s.ok(s.hooks.Disable(s.ctx, sub.ID, webhook.ReasonGone, at(1e9)))
			s.ok(s.hooks.Disable(s.ctx, sub.ID, webhook.ReasonAdmin, at(2e9)))
			sub.DisabledAt, sub.DisabledWhy = at(1e9), webhook.ReasonGone
			s.same(s.webhook(sub.ID), sub)
			s.ok(s.hooks.Disable(s.ctx, sub.ID, "", time.Time{}))
			sub.DisabledAt, sub.DisabledWhy, sub.Progress = time.Time{}, "", webhook.Progress{Cursor: 7}
			s.same(s.webhook(sub.ID), sub)
		},
		"nobody leases a disabled webhook, nor one of a disabled client": func(s *suite) {
			sub := s.subscribed()
			s.ok(s.hooks.Disable(s.ctx, sub.ID, webhook.ReasonAdmin, start))
			s.leases(sub, "a", 0, false)
			s.ok(s.hooks.Disable(s.ctx, sub.ID, "", time.Time{}))
			s.ok(s.store.DisableClient(s.ctx, sub.ClientID, start))
			s.leases(sub, "a", 0, false)
			s.ok(s.store.EnableClient(s.ctx, sub.ClientID, start))
			s.leases(sub, "a", 0, true)
			s.ok(s.store.DisableClient(s.ctx, sub.ClientID, start))
			s.records(step(sub, "a", 1), false)
		},
	}
}

func deliveryPromises() promises {
	return promises{
		"a lease is one holder's until it ends or is given back": func(s *suite) {
			sub := s.subscribed()
			s.leases(sub, "a", 0, true)
			s.leases(sub, "b", 29*time.Second, false)
			s.leases(sub, "a", 10*time.Second, true)
			s.leases(sub, "b", 39*time.Second, false)
			s.leases(sub, "b", 40*time.Second, true)
			s.ok(s.hooks.Release(s.ctx, sub.ID, "a"))
			s.leases(sub, "a", 41*time.Second, false)
			s.ok(s.hooks.Release(s.ctx, sub.ID, "b"))
			s.leases(sub, "a", 41*time.Second, true)
		},
		"one of 20 who ask for a lease at once gets it": func(s *suite) {
			sub := s.subscribed()
			for round := range rounds {
				var winners atomic.Int64
				s.together(20, func(i int) error {
					_, ours, err := s.hooks.Lease(s.ctx, lease(sub.ID, fmt.Sprint(i), time.Duration(round)*time.Hour))
					if ours {
						winners.Add(1)
					}
					return err
				})
				s.same(winners.Load(), int64(1))
			}
		},
		"a step is recorded with its try": func(s *suite) {
			sub := s.subscribed()
			s.leases(sub, "a", 0, true)
			failed := step(sub, "a", 0)
			failed.Progress = webhook.Progress{Cursor: 0, Failures: 1, FailingSince: at(1e9), NextAt: at(3e9)}
			failed.Attempt.Failure = push.FailTimeout
			s.records(failed, true)
			sub.Progress = failed.Progress
			s.same(s.webhook(sub.ID), sub)
			s.records(step(sub, "a", 5), true)
			sub.Progress = webhook.Progress{Cursor: 5}
			s.same(s.webhook(sub.ID), sub)
			s.hasAttempts(sub, tried(5), *failed.Attempt)
			s.hasDeadLetters(sub)
		},
		"a step without a try moves the cursor alone": func(s *suite) {
			sub := s.subscribed()
			s.leases(sub, "a", 0, true)
			quiet := step(sub, "a", 9)
			quiet.Attempt = nil
			s.records(quiet, true)
			s.same(s.webhook(sub.ID).Cursor, int64(9))
			s.hasAttempts(sub)
		},
		"a step changes nothing without the lease, or after a replay": func(s *suite) {
			sub := s.subscribed()
			s.records(step(sub, "a", 1), false)
			s.leases(sub, "a", 0, true)
			s.records(step(sub, "b", 1), false)
			s.ok(s.hooks.Seek(s.ctx, sub.ID, 3))
			s.records(step(sub, "a", 1), false)
			s.hasAttempts(sub)
			s.same(s.webhook(sub.ID).Cursor, int64(3))
			sub.Cursor = 3
			s.records(step(sub, "a", 4), true)
			s.ok(s.hooks.Disable(s.ctx, sub.ID, webhook.ReasonAdmin, start))
			sub.Cursor = 4
			s.records(step(sub, "a", 5), false)
			s.same(s.webhook(sub.ID).Cursor, int64(4))
		},
		"a step prolongs the lease": func(s *suite) {
			sub := s.subscribed()
			s.leases(sub, "a", 0, true)
			longer := step(sub, "a", 1)
			longer.LeaseUntil = at(time.Hour)
			s.records(longer, true)
			s.leases(sub, "b", time.Hour-1e9, false)
			s.leases(sub, "b", time.Hour, true)
		},
		"a receiver that polls has no lease, only the cursor": func(s *suite) {
			sub := s.subscribed()
			s.records(step(sub, "", 2), true)
			s.records(step(sub, "", 3), false)
			s.same(s.webhook(sub.ID).Cursor, int64(2))
		},
		"a receiver that is gone disables its webhook, and the event waits": func(s *suite) {
			sub := s.subscribed()
			s.leases(sub, "a", 0, true)
			gone := step(sub, "a", 0)
			gone.Gone, gone.Attempt.Failure = true, push.FailGone
			gone.Written = []event.Event{{Type: event.WebhookDisabled, At: gone.Attempt.At, ClientID: sub.ClientID, Reason: "gone"}}
			s.writes(func() { s.records(gone, true) }, "webhook.disabled "+sub.ClientID+" gone")
			sub.DisabledAt, sub.DisabledWhy = gone.Attempt.At, webhook.ReasonGone
			s.same(s.webhook(sub.ID), sub)
		},
		"only the last tries are remembered": func(s *suite) {
			sub := s.subscribed()
			s.leases(sub, "a", 0, true)
			for seq := range int64(webhook.KeptAttempts + 3) {
				s.records(step(sub, "a", seq+1), true)
				sub.Cursor = seq + 1
			}
			all, err := s.hooks.Attempts(s.ctx, sub.ID, 1000)
			s.ok(err)
			s.same(len(all), webhook.KeptAttempts)
			s.same(all[0], tried(webhook.KeptAttempts+3))
			two, err := s.hooks.Attempts(s.ctx, sub.ID, 2)
			s.ok(err)
			s.same(two, all[:2])
		},
		"an event that was given up is a dead letter until it arrives": func(s *suite) {
			sub := s.subscribed()
			s.leases(sub, "a", 0, true)
			one, two := s.givenUp(&sub, 1), s.givenUp(&sub, 2)
			s.hasDeadLetters(sub, one, two)
			after, err := s.hooks.DeadLetters(s.ctx, sub.ID, 1, 10)
			s.ok(err)
			s.same(after, []webhook.Attempt{two})

			again := one
			again.At, again.Failure = at(time.Hour), push.FailStatus
			s.ok(s.hooks.Redelivered(s.ctx, sub.ID, again))
			s.hasDeadLetters(sub, one, two)
			s.ok(s.hooks.Redelivered(s.ctx, sub.ID, tried(1)))
			s.hasDeadLetters(sub, two)
			s.hasAttempts(sub, tried(1), again, two, one)

			s.ok(s.hooks.Seek(s.ctx, sub.ID, 0))
			sub.Cursor = 0
			again = s.givenUp(&sub, 2)
			s.hasDeadLetters(sub, again)
			s.ok(s.hooks.Seek(s.ctx, sub.ID, 0))
			sub.Cursor = 0
			s.records(step(sub, "a", 2), true)
			s.hasDeadLetters(sub)
		},
		"dead letters are pruned by the moment they were given up": func(s *suite) {
			sub := s.subscribed()
			s.leases(sub, "a", 0, true)
			s.givenUp(&sub, 1)
			two := s.givenUp(&sub, 2)
			is(s, 1)(s.hooks.PruneDeadLetters(s.ctx, two.At))
			s.hasDeadLetters(sub, two)
		},
		"what became of deliveries goes with the webhook": func(s *suite) {
			sub := s.subscribed()
			s.leases(sub, "a", 0, true)
			s.givenUp(&sub, 1)
			s.ok(s.hooks.Delete(s.ctx, sub.ID))
			s.hasAttempts(sub)
			s.hasDeadLetters(sub)
		},
	}
}

// subscription is one of a new client, ready to be made.
func (s *suite) subscription() webhook.Subscription {
	s.Helper()
	client := clients.Client{ID: uuid.NewString(), Name: "Orders", Kind: clients.Service, CreatedAt: start}
	s.ok(s.store.CreateClient(s.ctx, client))
	return webhook.Subscription{
		ID: uuid.NewString(), ClientID: client.ID, Format: webhook.Standard, URL: "https://orders.example.com/hook",
		Types: []string{"*"}, Generation: 1, RotatedAt: start, CreatedAt: start,
	}
}

func (s *suite) subscribed() webhook.Subscription {
	s.Helper()
	sub := s.subscription()
	s.ok(s.hooks.Create(s.ctx, sub))
	return sub
}

func (s *suite) webhook(id string) webhook.Subscription {
	s.Helper()
	found, err := s.hooks.Find(s.ctx, id)
	s.ok(err)
	return found
}

func lease(id, holder string, after time.Duration) webhook.Lease {
	return webhook.Lease{ID: id, Holder: holder, Now: at(after), Until: at(after + 30*time.Second)}
}

func (s *suite) leases(sub webhook.Subscription, holder string, after time.Duration, want bool) {
	s.Helper()
	_, ours, err := s.hooks.Lease(s.ctx, lease(sub.ID, holder, after))
	s.ok(err)
	s.same(ours, want)
}

func tried(seq int64) webhook.Attempt {
	return webhook.Attempt{Seq: seq, EventID: fmt.Sprintf("event %d", seq), Type: "session.ended",
		At: at(time.Duration(seq) * time.Second), Status: 200, Duration: 12 * time.Millisecond}
}

// step delivers an event after the cursor of sub.
func step(sub webhook.Subscription, holder string, seq int64) webhook.Step {
	a := tried(seq)
	return webhook.Step{ID: sub.ID, Holder: holder, From: sub.Cursor, Progress: webhook.Progress{Cursor: seq},
		LeaseUntil: at(30 * time.Second), Attempt: &a}
}

func (s *suite) records(step webhook.Step, want bool) {
	s.Helper()
	after, ours, err := s.hooks.Record(s.ctx, step)
	s.ok(err)
	s.same(ours, want)
	if want {
		s.same(after, s.webhook(step.ID))
	}
}

// givenUp gives up the event after the cursor of sub, and moves it.
func (s *suite) givenUp(sub *webhook.Subscription, seq int64) webhook.Attempt {
	s.Helper()
	dead := step(*sub, "a", seq)
	dead.Dead, dead.Attempt.Status, dead.Attempt.Failure = true, 0, push.FailConnect
	s.records(dead, true)
	sub.Cursor = seq
	return *dead.Attempt
}

func (s *suite) hasWebhooks(want ...webhook.Subscription) {
	s.Helper()
	got, err := s.hooks.List(s.ctx)
	s.ok(err)
	s.same(got, want)
}

func (s *suite) hasAttempts(sub webhook.Subscription, want ...webhook.Attempt) {
	s.Helper()
	got, err := s.hooks.Attempts(s.ctx, sub.ID, 1000)
	s.ok(err)
	s.same(got, append([]webhook.Attempt{}, want...))
}

func (s *suite) hasDeadLetters(sub webhook.Subscription, want ...webhook.Attempt) {
	s.Helper()
	got, err := s.hooks.DeadLetters(s.ctx, sub.ID, 0, 1000)
	s.ok(err)
	s.same(got, append([]webhook.Attempt{}, want...))
}
