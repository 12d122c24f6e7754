package revoke_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
)

// shaky panics at one reading of the log.
type shaky struct {
	*memory
	readings int
}

func (s *shaky) Rules(ctx context.Context, after int64, limit int) ([]rule.Rule, int64, error) {
	if s.readings++; s.readings == 3 {
		panic("oops")
	}
	return s.memory.Rules(ctx, after, limit)
}

// A panic in the reader of the log ends no subscription, and no rule is lost.
func TestTheHubGoesOnAfterAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &shaky{memory: newMemory()}
		hub, err := revoke.Open(t.Context(), log, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			(*background.Panics)(nil).Keep(ctx, "revocation log", func(ctx context.Context) { hub.Run(ctx, func(err error) { t.Error(err) }) })
		}()
		_, sub := hub.Subscribe()
		defer sub.Close()
		<-time.After(10 * time.Second)
		if log.readings < 5 {
			t.Fatalf("%d readings: the hub has stopped", log.readings)
		}
		if age := time.Since(hub.AsOf()); age > time.Second {
			t.Errorf("the view is %v old", age)
		}
		select {
		case _, open := <-sub.Batches():
			if !open {
				t.Error("the panic ended a subscription")
			}
		default:
		}
		stop()
		<-done
		if _, open := <-sub.Batches(); open {
			t.Error("a subscription outlives the hub")
		}
	})
}
