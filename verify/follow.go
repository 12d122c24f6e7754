package verify

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/portaria/portaria/verify/internal/follow"
	"github.com/portaria/portaria/verify/internal/keyset"
	"github.com/portaria/portaria/verify/internal/payload"
)

// followed says which feed is followed, and how.
func (v *Verifier) followed(c Config) follow.Config {
	return follow.Config{
		Issuer: c.Issuer, Audience: c.Audience, ClientID: c.ClientID, ClientSecret: string(c.ClientSecret),
		Staleness: c.Staleness, Introspect: c.WhenStale == Introspect,
		Client: keyset.Client(c.HTTPClient, 2*follow.MaxQuestions), Now: c.Now, Log: c.Log, Panics: v.counts.panics,
	}
}

// host is what the follower uses of a verifier.
type host struct{ v *Verifier }

func (h host) UseKeySet(data []byte) error          { return h.v.keys.UseStreamed(data, h.v.now()) }
func (h host) ConfirmKeys()                         { h.v.keys.Confirm(h.v.now()) }
func (h host) Decrypt(token string) (string, error) { return h.v.decrypt(token) }

// ignoredFeed is the feed of a verifier without client credentials. It logs once
// that there is a feed which is not followed.
type ignoredFeed struct {
	keyset.NoFeed
	v   *Verifier
	log *slog.Logger
}

// Discovered takes the addresses from the issuer's metadata.
func (i ignoredFeed) Discovered(feed, _ string) {
	if feed != "" && !i.v.counts.offered.Swap(true) {
		i.log.Warn("revocation feed is not followed: the verifier has no client credentials; revoked tokens are accepted until they expire")
	}
}

// Watch returns a context that ends when the token of the claims does: with
// [ErrRevoked] as its cause when a rule refuses the token, and with [ErrExpired]
// when it expires. Use it for what outlives a request: WebSockets, event streams,
// gRPC calls. Call stop when the connection ends by itself. The memory of a watch
// is released when the token or the context ends, too.
//
// While the feed is stale no watch ends: what was revoked meanwhile ends as soon
// as the feed is back.
func (v *Verifier) Watch(ctx context.Context, c Claims) (watched context.Context, stop func()) {
	if c.r == nil {
		watched, cancel := context.WithCancelCause(ctx)
		cancel(ErrInvalid)
		return watched, func() {}
	}
	left := c.r.dates[payload.Expires] + v.policy.leeway - v.now().UnixMilli()
	return v.watches.Watch(ctx, c.r, time.Duration(min(left, 1<<40))*time.Millisecond)
}

// Feed serves the revocation feed to services that follow this verifier instead of the
// issuer: stream, snapshot, polls and acks, by the last segment of the path. It passes
// on how old its view is, so that the bound holds for them, too. The handler protects
// nothing by itself: protect it with your own authentication. A verifier that follows
// nothing answers 503.
func (v *Verifier) Feed() http.Handler {
	if v.follower == nil {
		return follow.NoRelay()
	}
	return v.follower.Relay()
}

// DrainFeed asks the verifiers that follow [Verifier.Feed] to reconnect, spread over
// half their staleness, because the server of the handler stops. Register it with
// [http.Server.RegisterOnShutdown], and let the shutdown take that long.
func (v *Verifier) DrainFeed() {
	if v.follower != nil {
		v.follower.Drain()
	}
}
