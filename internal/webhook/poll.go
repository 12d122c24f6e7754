package webhook

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/portaria/portaria/internal/webhook/push"
)

// Limits of a poll.
const (
	// MaxPoll is the greatest number of tokens in a response.
	MaxPoll = batch - 1
	// PollWait is how long a poll waits for new events.
	PollWait = 20 * time.Second
)

// Ask is a poll (RFC 8936 §2.4).
type Ask struct {
	// Max is the greatest number of tokens to return; below 0 means [MaxPoll]. With 0 the
	// poll only acknowledges.
	Max int
	// Immediately returns an empty response instead of waiting for events.
	Immediately bool
	// Ack are the ids of events that the receiver has stored.
	Ack []string
	// Errors are the ids of events that the receiver refuses, with the codes
	// of RFC 8935: they become dead letters.
	Errors map[string]string
}

// Answer is the response to a poll.
type Answer struct {
	// Sets are Security Event Tokens by their ids.
	Sets map[string]string
	More bool
}

// Poll acknowledges events and returns those that are not acknowledged. The next poll
// returns them again until they are. The cursor moves in the order of the log:
// acknowledging an event has no effect before the events before it are acknowledged. Errors wrap ErrNotFound, also
// for a subscription of another client or a disabled one, and ErrFormat.
func (s *Service) Poll(ctx context.Context, id, clientID string, ask Ask) (Answer, error) {
	sub, err := s.polled(ctx, id, clientID)
	if err != nil {
		return Answer{}, err
	}
	if sub, err = s.acknowledge(ctx, sub, ask); err != nil {
		return Answer{}, fmt.Errorf("acknowledge events: %w", err)
	}
	timer := time.NewTimer(PollWait)
	defer timer.Stop()
	for {
		news := s.nextNews()
		answer, err := s.waiting(ctx, sub, ask.Max)
		if err != nil || len(answer.Sets) > 0 || ask.Max == 0 || ask.Immediately {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		case <-timer.C:
			return answer, nil
		case <-news:
		}
	}
}

func (s *Service) polled(ctx context.Context, id, clientID string) (Subscription, error) {
	sub, err := s.Store.Find(ctx, id)
	switch {
	case err != nil:
		return Subscription{}, err
	case sub.ClientID != clientID, sub.Disabled():
		return Subscription{}, ErrNotFound
	case sub.Format != Poll:
		return Subscription{}, ErrFormat
	}
	return sub, nil
}

// acknowledge moves the cursor past events that the receiver has acknowledged or refused,
// and past those of other types.
func (s *Service) acknowledge(ctx context.Context, sub Subscription, ask Ask) (Subscription, error) {
	p, err := s.next(ctx, sub, sub.Cursor)
	if err != nil {
		return sub, err
	}
	done := p.end
	for _, e := range p.events {
		code, refused := ask.Errors[e.ID]
		if !refused && !slices.Contains(ask.Ack, e.ID) {
			done = e.Seq - 1
			break
		}
		if !refused {
			continue
		}
		dead := Attempt{Seq: e.Seq, EventID: e.ID, Type: string(e.Type), At: s.Now(), Failure: push.RefusedAs(code)}
		if sub, err = s.advance(ctx, sub, Step{Progress: Progress{Cursor: e.Seq}, Attempt: &dead, Dead: true}); err != nil {
			return sub, err
		}
	}
	if done == sub.Cursor {
		return sub, nil
	}
	return s.advance(ctx, sub, Step{Progress: Progress{Cursor: done}})
}

// advance records a step of a receiver that polls. Of two polls at the same time one is
// first; the other continues with the cursor of the first.
func (s *Service) advance(ctx context.Context, sub Subscription, step Step) (Subscription, error) {
	step.ID, step.From = sub.ID, sub.Cursor
	after, ok, err := s.Store.Record(ctx, step)
	if err == nil && !ok {
		return s.Store.Find(ctx, sub.ID)
	}
	return after, err
}

// waiting returns the events that the receiver has not acknowledged.
func (s *Service) waiting(ctx context.Context, sub Subscription, limit int) (Answer, error) {
	if limit < 0 || limit > MaxPoll {
		limit = MaxPoll
	}
	p, err := s.next(ctx, sub, sub.Cursor)
	if err != nil {
		return Answer{}, fmt.Errorf("read events: %w", err)
	}
	answer := Answer{Sets: map[string]string{}, More: len(p.events) > limit || p.more}
	for _, e := range p.events[:min(limit, len(p.events))] {
		if answer.Sets[e.ID], err = s.Tokens.Token(sub.ClientID, e, s.Now()); err != nil {
			return Answer{}, fmt.Errorf("sign event: %w", err)
		}
	}
	return answer, nil
}

// nextNews returns a channel that is closed when the log has new events.
func (s *Service) nextNews() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.news
}

func (s *Service) wakePollers() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.news)
	s.news = make(chan struct{})
}
