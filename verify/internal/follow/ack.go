package follow

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/jose"
)

const (
	ackInterval = 10 * time.Second
	ackTimeout  = 5 * time.Second
)

// acknowledge tells the issuer how far this verifier has come: after changes, at
// most once a second, and every ackInterval without any. Nothing waits for it.
func (f *Follower) acknowledge() {
	wait := time.Second // the first one soon: receipts count on verifiers that are known
	for {
		quiet := false
		select {
		case <-f.news:
		case <-time.After(wait):
			quiet = true
		case <-f.ctx.Done():
			return
		}
		if f.addresses.Load() != nil && f.view.Current(f.config.Now()) {
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

// ackOnce sends the ack of this verifier and those of the verifiers downstream:
// the ones that changed, or all.
func (f *Follower) ackOnce(all bool) {
	ctx, cancel := context.WithTimeout(f.ctx, ackTimeout)
	defer cancel()
	parts := f.downstream.unsent(all)
	ack := api.Ack{Verifier: f.upstream.Name(), Seq: f.view.Position(), Staleness: f.downstream.lease().Milliseconds(), WhenStale: f.whenStale(),
		KeySet: f.keySetTag(), Audience: f.config.Audience}
	for i := range max(1, len(parts)) {
		if len(parts) > 0 {
			ack.Followers = parts[i]
		}
		// The content of the answer is of no use: only a failure is.
		answer, err := f.upstream.Post(ctx, f.addresses.Load().ack, ack, "")
		if err != nil {
			f.downstream.resend(ack.Followers)
			continue
		}
		_ = answer.Body.Close()
	}
}

// keySetTag returns the ETag of the key set as the issuer publishes it: a hash of
// the same document.
func (f *Follower) keySetTag() string {
	set := f.downstream.streamedKeySet()
	if set == nil {
		return ""
	}
	sum := sha256.Sum256(set)
	return `"` + jose.Encode(sum[:]) + `"`
}
