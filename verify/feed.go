package verify

import (
	"encoding/base64"
	"iter"
	"net/http"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/feed"
)

// Feed serves the revocation feed on, to those who follow this verifier instead
// of the issuer: its stream, snapshot, polls and acks, by the last segment of
// the path. How old the view is goes with it, so that the bound holds for them
// too. Whoever mounts it says who may read it: it protects nothing by itself.
// A verifier that follows nothing answers 503. Acks end here.
func (v *Verifier) Feed() http.Handler {
	s := &feed.Server{Now: v.now, Log: func() *feed.Log { return nil }}
	if f := v.follower; f != nil {
		s.Log, s.AsOf, s.IssuedBy, s.Rules = f.relayed, f.seen, f.issuedBy, f.all
		s.Join, s.Stays, s.Acked = f.join, f.stays, f.acked
	}
	return s
}

// relayed returns the end of the log, and begins to keep it if nobody has asked
// before. Nil until the log is known.
func (f *follower) relayed() *feed.Log {
	if log := f.relay.Load(); log != nil {
		return log
	}
	f.relaying.Lock()
	defer f.relaying.Unlock()
	salt := f.salt.Load()
	if salt == nil || f.asOf.Load() == nil {
		return nil
	}
	if f.relay.Load() == nil {
		place := f.applied.Load()
		log := feed.NewLog(api.FeedHello{Epoch: place >> 32, Head: place, Salt: base64.RawURLEncoding.EncodeToString(salt.bytes)})
		log.SetKeySet(f.keySet)
		f.relay.Store(log)
	}
	return f.relay.Load()
}

// seen is the moment of which the rules are, on this verifier's clock.
func (f *follower) seen() (time.Time, bool) {
	at := f.asOf.Load()
	if at == nil || at.doubted {
		return time.Time{}, false
	}
	return f.began.Add(time.Duration(at.mono-1) * time.Millisecond), true
}

// issuedBy is the bound of the issuer's clock that this verifier has proved. At
// an earlier moment the clock showed that much less.
func (f *follower) issuedBy(asOf time.Time) (time.Time, bool) {
	now := f.v.now()
	latest, proved := f.issuer.latest(f.moment(now))
	return time.UnixMilli(latest).Add(-now.Sub(asOf)), proved
}

func (f *follower) all() iter.Seq[api.FeedRule] {
	return func(yield func(api.FeedRule) bool) {
		for r := range f.rules.Table().Rules {
			if !yield(r.Wire()) {
				return
			}
		}
	}
}
