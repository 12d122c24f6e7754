package verify

import (
	"context"
	"crypto/sha256"
	"net/http"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/jose"
)

const (
	ackInterval = 10 * time.Second
	ackTimeout  = 5 * time.Second
)

// acknowledge tells the issuer how far this verifier is: after changes, at most
// once a second, and now and then anyway. Nobody waits for it.
func (f *follower) acknowledge() {
	wait := time.Second // the first time soon: receipts count on who is known
	for {
		quiet := false
		select {
		case <-f.news:
		case <-time.After(wait):
			quiet = true
		case <-f.ctx.Done():
			return
		}
		if f.places.Load() != nil && f.fresh(f.v.now()) {
			f.ackOnce(quiet)
			wait = ackInterval
		}
		select {
		case <-time.After(time.Second):
		case <-f.ctx.Done():
			return
		}
	}
}

// ackOnce says how far this verifier is, and those that follow it: of whom there
// is news, or all.
func (f *follower) ackOnce(all bool) {
	ctx, cancel := context.WithTimeout(f.ctx, ackTimeout)
	defer cancel()
	parts := f.untold(all)
	ack := api.Ack{Verifier: f.name, Seq: f.applied.Load(), Staleness: f.lease().Milliseconds(), WhenStale: f.policy(),
		KeySet: f.keyTag(), Audience: f.config.Audience}
	for i := range max(1, len(parts)) {
		if len(parts) > 0 {
			ack.Followers = parts[i]
		}
		// The answer says nothing that is of use here, unless it is that it was
		// not taken.
		answer, err := f.ask(ctx, http.MethodPost, f.places.Load().ack, ack, "")
		if err != nil {
			f.retell(ack.Followers)
			continue
		}
		_ = answer.Body.Close()
	}
}

// policy is what this verifier does when it is stale, as the issuer is told.
func (f *follower) policy() string {
	if f.v.counts.hasOpen.Load() {
		return "open"
	}
	return string(f.config.WhenStale)
}

// keyTag is the ETag of the key set as the issuer publishes it: a hash of the
// same document.
func (f *follower) keyTag() string {
	f.relaying.Lock()
	defer f.relaying.Unlock()
	if f.keySet == nil {
		return ""
	}
	sum := sha256.Sum256(f.keySet)
	return `"` + jose.Encode(sum[:]) + `"`
}
