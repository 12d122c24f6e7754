package sqlstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/internal/testdb"
)

func writeRule(t *testing.T, store *sqlstore.Store) {
	t.Helper()
	_, err := store.Write(t.Context(), revoke.Entry{Kind: rule.Token, Value: "a", Mode: rule.Hard, At: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
}

// heard waits for a notification, writing again now and then: what was written
// before anybody listened is told to nobody.
func heard(t *testing.T, c <-chan struct{}, writer *sqlstore.Store) {
	t.Helper()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		writeRule(t, writer)
		select {
		case <-c:
			return
		case <-again.C:
		case <-t.Context().Done():
			t.Fatal("nothing was heard")
		}
	}
}

func TestNotifications(t *testing.T) {
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			store := open(t, url(t))
			ctx, stop := context.WithCancel(t.Context())
			rules, events := store.Notifications(ctx), store.EventNotifications(ctx)
			heard(t, rules, store)
			heard(t, events, store)
			stop()
			for range rules {
			}
			for range events {
			}
			writeRule(t, store)
		})
	}
}

func TestProcessesHearEachOther(t *testing.T) {
	url := testdb.Postgres(t)
	one, other := open(t, url), open(t, url)
	ctx, stop := context.WithCancel(t.Context())
	heardAt, toldAt := []<-chan struct{}{one.Notifications(ctx), one.EventNotifications(ctx)},
		[]<-chan struct{}{other.Notifications(ctx), other.EventNotifications(ctx)}
	for _, c := range heardAt {
		heard(t, c, other)
	}
	stop()
	for _, c := range append(heardAt, toldAt...) {
		for range c {
		}
	}
}
