package verify_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/verify"
)

// BenchmarkRevoke is a revocation on its way to everybody: from the request
// until each of many verifiers has ended the connection of its token, over real
// HTTP, while others are revoked as well. One turn is a whole campaign.
func BenchmarkRevoke(b *testing.B) {
	for _, c := range []campaign{
		{verifiers: 100, revocations: 300, every: 10 * time.Millisecond},
		{verifiers: 1000, revocations: 40, every: 250 * time.Millisecond},
	} {
		b.Run(fmt.Sprintf("%d-verifiers", c.verifiers), func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				took = append(took, c.run(b)...)
			}
			slices.Sort(took)
			at := func(q int) float64 { return float64(took[(len(took)-1)*q/100].Microseconds()) / 1000 }
			b.ReportMetric(at(50), "p50-ms")
			b.ReportMetric(at(99), "p99-ms")
			b.ReportMetric(at(100), "max-ms")
		})
	}
}

type campaign struct {
	verifiers, revocations int
	every                  time.Duration
}

// run answers how long each verifier took about each revocation.
func (c campaign) run(b *testing.B) []time.Duration {
	issuer := apptest.Start(b)
	fleet := c.fleet(b, issuer)
	sessions := c.signIn(issuer)
	began := make([]time.Time, c.revocations)
	var mu sync.Mutex
	var took []time.Duration
	var all sync.WaitGroup
	for _, v := range fleet {
		for i, s := range sessions {
			claims, err := v.Verify(b.Context(), s.AccessToken)
			if err != nil {
				b.Fatal(err)
			}
			watched, stop := v.Watch(b.Context(), claims)
			b.Cleanup(stop)
			all.Add(1)
			context.AfterFunc(watched, func() {
				defer all.Done()
				now := time.Now()
				mu.Lock()
				defer mu.Unlock()
				took = append(took, now.Sub(began[i]))
			})
		}
	}
	admin := issuer.Admin()
	ticks := time.NewTicker(c.every)
	defer ticks.Stop()
	for i, s := range sessions {
		<-ticks.C
		mu.Lock()
		began[i] = time.Now()
		mu.Unlock()
		all.Go(func() {
			if _, err := admin.Revoke(b.Context(), api.Revoke{Target: api.Target{Session: s.SessionID}}, 0); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
	return took
}

// fleet is verifiers with a connection of their own each.
func (c campaign) fleet(b *testing.B, issuer *apptest.App) []*verify.Verifier {
	made, err := issuer.Admin().CreateClient(b.Context(), api.NewClient{ClientDescription: api.ClientDescription{
		ID: "orders", Kind: "service", Scopes: []string{api.RevocationReadScope}}})
	if err != nil {
		b.Fatal(err)
	}
	// The issuer's clock stands still, and its streams go on.
	start, began := issuer.Clock.Now(), time.Now()
	now := func() time.Time { return start.Add(time.Since(began)) }
	fleet := make([]*verify.Verifier, c.verifiers)
	for i := range fleet {
		transport := &http.Transport{}
		b.Cleanup(transport.CloseIdleConnections)
		v, err := verify.New(b.Context(), verify.Config{Issuer: issuer.URL, Audience: "portaria", Now: now, Log: slog.New(slog.DiscardHandler),
			HTTPClient: &http.Client{Transport: transport}, ClientID: "orders", ClientSecret: verify.Secret(made.ClientSecret)})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(v.Close)
		fleet[i] = v
	}
	return fleet
}

func (c campaign) signIn(issuer *apptest.App) []api.Tokens {
	sessions := make([]api.Tokens, c.revocations)
	for i := range sessions {
		_, sessions[i] = issuer.SignUp(fmt.Sprint("ana", i))
	}
	return sessions
}
