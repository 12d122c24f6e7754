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
		select {
		case <-f.news:
		case <-time.After(wait):
		case <-f.ctx.Done():
			return
		}
		if f.places.Load() != nil && f.fresh(f.v.now()) {
			f.ackOnce()
			wait = ackInterval
		}
		select {
		case <-time.After(time.Second):
		case <-f.ctx.Done():
			return
		}
	}
}

func (f *follower) ackOnce() {
	ctx, cancel := context.WithTimeout(f.ctx, ackTimeout)
	defer cancel()
	ack := api.Ack{Verifier: f.name, Seq: f.applied.Load(), Staleness: f.lease().Milliseconds(), WhenStale: f.policy(),
		KeySet: f.keyTag(), Audience: f.config.Audience}
	// The answer says nothing that is of use here.
	if answer, err := f.ask(ctx, http.MethodPost, f.places.Load().ack, ack, "application/json"); err == nil {
		_ = answer.Body.Close()
	}
}

// lease is for how long what the issuer says is trusted.
func (f *follower) lease() time.Duration { return f.config.Staleness }

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
