package webhook

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/secret"
	"github.com/portaria/portaria/internal/webhook/message"
	"github.com/portaria/portaria/internal/webhook/push"
)

const (
	// lookEvery is how often the service reads the log while a subscription has
	// events to deliver, because a retry may be due.
	lookEvery = time.Second
	// idleEvery is how often it reads the log while nothing is left to deliver.
	// Wake makes it read earlier. Another process may have written without a
	// notice.
	idleEvery = 5 * time.Second
	// gather is the least time between two reads that find events, so that many events
	// at once cost few reads. The first event is delivered at once.
	gather = 25 * time.Millisecond
	// leaseTime is how long other processes wait before they deliver instead of a process
	// that died. Each attempt ends well within it.
	leaseTime = 2 * push.Timeout
	// batch is how many events are read at a time.
	batch = 100
)

// Wake makes the service read the log now. It never waits.
func (s *Service) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends, and returns after its last worker. The next Run sends again
// what was sent and not acknowledged by then.
func (s *Service) Run(ctx context.Context) {
	var workers sync.WaitGroup
	defer workers.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	seen := view{head: unread}
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.wake:
			seen.pending = true // a subscription may have changed
		}
		before := seen.head
		seen = s.look(ctx, seen, &workers)
		if seen.head != before {
			pause(ctx, gather)
		}
		if seen.pending {
			timer.Reset(s.lookEvery)
		} else {
			timer.Reset(max(s.lookEvery, idleEvery))
		}
	}
}

// Round delivers the events that are due now, and returns when each subscription has
// received all of them or failed.
func (s *Service) Round(ctx context.Context) {
	var workers sync.WaitGroup
	s.look(ctx, view{head: unread}, &workers)
	workers.Wait()
}

// view is what the service knows of the event log.
type view struct {
	// head is the last event, or unread.
	head int64
	// pending says that a subscription may have events to deliver.
	pending bool
}

const unread = -1

// look starts a worker for each subscription with due events that has no worker yet; there
// are at most MaxSubscriptions. While the log has no new event and nothing is pending, it
// reads only the head of the log.
func (s *Service) look(ctx context.Context, before view, workers *sync.WaitGroup) view {
	head, err := s.Events.LastEvent(ctx)
	if err != nil {
		s.complain(ctx, "cannot read the event log", err)
		return view{before.head, true}
	}
	if head != before.head {
		s.wakePollers()
	} else if !before.pending {
		return before
	}
	subs, err := s.Store.List(ctx)
	if err != nil {
		s.complain(ctx, "cannot read webhooks", err)
		return view{head, true}
	}
	pending := false
	for _, sub := range subs {
		pending = pending || sub.pending(head)
		if sub.due(head, s.Now()) && s.begin(sub.ID) {
			workers.Go(func() {
				defer s.end(sub.ID)
				if !s.Panics.Try(ctx, "webhook", func() { s.work(ctx, sub.ID) }) {
					pause(ctx, restAfterPanic) // before the next look begins again
				}
			})
		}
	}
	return view{head, pending}
}

// restAfterPanic is how long a subscription waits after its worker panicked.
const restAfterPanic = 10 * time.Second

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (s *Service) begin(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[id] {
		return false
	}
	s.busy[id] = true
	return true
}

func (s *Service) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, id)
}

// work delivers to one subscription until no event is left, an attempt fails, or another
// process has the lease.
func (s *Service) work(ctx context.Context, id string) {
	now := s.Now()
	sub, ours, err := s.Store.Lease(ctx, Lease{ID: id, Holder: s.holder, Now: now, Until: now.Add(leaseTime)})
	if err != nil {
		s.complain(ctx, "cannot lease webhook", err)
	}
	if !ours {
		return
	}
	defer func() {
		if err := s.Store.Release(context.WithoutCancel(ctx), id, s.holder); err != nil {
			s.complain(ctx, "cannot release webhook", err)
		}
	}()
	for ours && ctx.Err() == nil {
		part, err := s.next(ctx, sub, sub.Cursor)
		if err != nil {
			s.complain(ctx, "cannot read the event log", err)
			return
		}
		if part.end <= sub.Cursor {
			return
		}
		if sub, ours = s.deliverAll(ctx, sub, part); !part.more {
			return // the next look finds later events
		}
	}
}

// part is a part of the log: the events that a subscription wants.
type part struct {
	events []event.Event
	// end is the position up to which there are no others.
	end int64
	// more reports whether the log goes on there.
	more bool
}

// next reads on after a position in the log.
func (s *Service) next(ctx context.Context, sub Subscription, after int64) (part, error) {
	page, err := s.Events.Events(ctx, after, sub.filter(), batch)
	return part{page.Events, page.Next, page.More}, err
}

// recordEvery is the longest time that deliveries stay unrecorded. After a crash, the
// events of that time are sent again.
const recordEvery = 500 * time.Millisecond

// deliverAll delivers a part of the log, and reports whether to continue. Successive
// deliveries are recorded together: a record waits for the disk, which takes longer than
// most deliveries.
func (s *Service) deliverAll(ctx context.Context, sub Subscription, p part) (Subscription, bool) {
	var done []Attempt
	recorded := s.Now()
	for i, e := range p.events {
		attempt, wait := s.try(ctx, sub, e)
		if ctx.Err() != nil && !attempt.OK() {
			// We closed the connection, so this is no failure of the receiver.
			sub, _ = s.flush(ctx, sub, done)
			return sub, false
		}
		if attempt.OK() {
			done = append(done, attempt)
			if i < len(p.events)-1 && s.Now().Sub(recorded) < recordEvery {
				continue
			}
			var ok bool
			if sub, ok = s.flush(ctx, sub, done); !ok {
				return sub, false
			}
			done, recorded = nil, s.Now()
			continue
		}
		var goOn bool
		if sub, goOn = s.failed(ctx, sub, e, failure{done, attempt, wait}); !goOn {
			return sub, false
		}
		done, recorded = nil, s.Now()
	}
	if sub.Cursor >= p.end {
		return sub, true
	}
	// Events at the end that are not wanted need not be read again.
	progress := sub.Progress
	progress.Cursor = p.end
	return s.record(ctx, sub, Step{Progress: progress})
}

// flush records deliveries, of which the last becomes the cursor.
func (s *Service) flush(ctx context.Context, sub Subscription, done []Attempt) (Subscription, bool) {
	if len(done) == 0 {
		return sub, true
	}
	last := done[len(done)-1]
	return s.record(ctx, sub, Step{Delivered: done[:len(done)-1], Attempt: &last, Progress: sub.delivered(last.Seq)})
}

// failure is a failed attempt, after successful ones that are not recorded yet.
type failure struct {
	before  []Attempt
	attempt Attempt
	wait    time.Duration
}

// failed records a failure, and reports whether to continue with the next event.
func (s *Service) failed(ctx context.Context, sub Subscription, e event.Event, f failure) (Subscription, bool) {
	sub, ok := s.flush(ctx, sub, f.before)
	if !ok {
		return sub, false
	}
	step := Step{Attempt: &f.attempt, Progress: sub.Progress, Gone: f.attempt.Failure == push.FailGone}
	if step.Gone {
		step.Written = []event.Event{s.changed(event.WebhookDisabled, sub, string(ReasonGone))}
	} else {
		step.Progress, step.Dead = sub.failed(e, f.wait, s.Now())
	}
	after, ok := s.record(ctx, sub, step)
	if ok { // log only what is recorded
		s.logFailure(ctx, sub, step)
	}
	return after, ok && step.Dead
}

// try makes one attempt to deliver an event.
func (s *Service) try(ctx context.Context, sub Subscription, e event.Event) (Attempt, time.Duration) {
	began := s.Now()
	attempt := Attempt{Seq: e.Seq, EventID: e.ID, Type: string(e.Type), At: began}
	var signed message.Signed
	err := background.Catch(func() (err error) {
		signed, err = s.message(sub, e, began)
		return err
	})
	var caught *background.Panic
	if errors.As(err, &caught) { // then treated as any event that cannot be signed
		s.Panics.Report(ctx, "webhook", caught)
	}
	if err != nil {
		s.complain(ctx, "cannot sign event", err)
		attempt.Failure = push.FailSigning
		return attempt, 0
	}
	got := s.sender.Send(ctx, sub.target(), signed)
	attempt.Status, attempt.Failure, attempt.Duration = got.Status, got.Failure, s.Now().Sub(began)
	return attempt, got.Wait
}

func (s *Service) message(sub Subscription, e event.Event, now time.Time) (message.Signed, error) {
	if sub.Format == SET {
		return s.Tokens.Push(sub.ClientID, e, now)
	}
	var secrets []secret.Bytes
	for _, key := range s.keys() {
		secrets = append(secrets, sub.secrets(key, now)...)
	}
	return message.Standard(e, secrets, now)
}

// record stores a step and prolongs the lease. It ignores the end of ctx: what a receiver
// acknowledged should not be sent again after a restart.
func (s *Service) record(ctx context.Context, sub Subscription, step Step) (Subscription, bool) {
	step.ID, step.Holder, step.From = sub.ID, s.holder, sub.Cursor
	step.LeaseUntil = s.Now().Add(leaseTime)
	after, ok, err := s.Store.Record(context.WithoutCancel(ctx), step)
	if err != nil {
		s.complain(ctx, "cannot record delivery", err)
		return sub, false
	}
	return after, ok
}

// logFailure logs a failure that an operator should know of.
func (s *Service) logFailure(ctx context.Context, sub Subscription, step Step) {
	args := []any{"webhook", sub.ID, "client_id", sub.ClientID, "event", step.Attempt.EventID}
	switch {
	case step.Gone:
		s.Log.WarnContext(ctx, "webhook disabled: receiver returned 410 Gone", args...)
	case step.Dead:
		s.Log.WarnContext(ctx, "webhook delivery abandoned, event moved to dead letters", append(args, "failure", string(step.Attempt.Failure))...)
	case step.Failures == 1:
		s.Log.InfoContext(ctx, "webhook delivery failed, it will be retried", append(args, "failure", string(step.Attempt.Failure), "status", step.Attempt.Status)...)
	}
}

func (s *Service) complain(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		s.Log.ErrorContext(ctx, what, "error", err)
	}
}
