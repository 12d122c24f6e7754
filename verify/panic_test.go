package verify_test

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/verify"
)

// A panic in the background of a verifier neither ends the process of the service
// nor the work: it is counted, and the work begins again.
func TestPanicsInTheBackground(t *testing.T) {
	for _, where := range []string{"/.well-known/oauth-authorization-server", "/rev/v1/feed", "/rev/v1/ack", "/rev/v1/snapshot"} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWire(t)
				var broken atomic.Bool
				broken.Store(true)
				config := w.config()
				config.HTTPClient.Transport = asking(func(r *http.Request) (*http.Response, error) {
					if broken.Load() && r.URL.Path == where {
						panic("a fault in the code of a transport")
					}
					return w.RoundTrip(r)
				})
				v := open(t, config)
				defer v.Close()
				time.Sleep(30 * time.Second)
				synctest.Wait()
				if n := v.Stats().Panics; n == 0 {
					t.Fatal("no panic was counted")
				}
				broken.Store(false)
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				before := v.Stats().Panics
				token := w.token(t, "a")
				accept(t, v, token)
				w.revoke("a")
				synctest.Wait()
				refuse(t, v, token, verify.ErrRevoked)
				if s := v.Stats(); s.Feed != verify.FeedCurrent || s.Panics != before {
					t.Errorf("feed %s, %d panics after %d", s.Feed, s.Panics, before)
				}
			})
		})
	}
}

// brokenLog is a log handler that panics.
type brokenLog struct{ slog.Handler }

func (brokenLog) Enabled(context.Context, slog.Level) bool  { return true }
func (brokenLog) Handle(context.Context, slog.Record) error { panic("a fault in the log") }

// A log that panics ends neither the process nor the work, and opens nothing: the
// verifier rejects tokens while the feed is lost, and follows again afterwards.
func TestALogThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		config := w.config()
		config.Log = slog.New(brokenLog{})
		v := open(t, config)
		defer v.Close()
		token := w.token(t, "a")
		accept(t, v, token)
		w.partition(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		if v.Stats().Panics == 0 {
			t.Fatal("no panic was counted")
		}
		refuse(t, v, token, verify.ErrStale)
		w.partition(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		accept(t, v, token)
	})
}
