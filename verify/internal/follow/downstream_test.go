package follow_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/verify/internal/follow"
)

// TestAcksOfVerifiersDownstream: each verifier is in one ack, and the issuer accepts
// every ack: at most 256 verifiers, and a body of at most 64 KiB.
func TestAcksOfVerifiersDownstream(t *testing.T) {
	for what, long := range map[string]string{"short texts": "", "long texts": "x", "long texts that JSON escapes": "<"} {
		f := follow.New(follow.Config{Issuer: "https://auth.example.com", Staleness: 10 * time.Second, Client: &http.Client{}, Now: time.Now,
			Log: slog.New(slog.DiscardHandler)}, nil)
		defer f.Close()
		const all = 600
		for i := range all {
			name := fmt.Sprintf("v%d", i)
			ack := api.Ack{Verifier: name + strings.Repeat(long, api.MaxVerifierName-len(name)), Staleness: 10_000, WhenStale: "refuse",
				KeySet: strings.Repeat(long, api.MaxKeySetTag), Audience: strings.Repeat(long, api.MaxText)}
			if err := f.Relay().Acked(ack); err != nil {
				t.Fatal(err)
			}
		}
		seen := map[string]bool{}
		most := 0
		for _, part := range f.Unsent() {
			body, err := json.Marshal(api.Ack{Verifier: strings.Repeat("<", api.MaxVerifierName), KeySet: strings.Repeat("<", api.MaxKeySetTag),
				Audience: strings.Repeat("<", api.MaxText), WhenStale: "introspect", Followers: part})
			if err != nil || len(body) > api.MaxBody || len(part) > api.MaxFollowers || len(part) == 0 {
				t.Errorf("%s: an ack of %d verifiers and %d bytes, %v", what, len(part), len(body), err)
			}
			for _, v := range part {
				seen[v.Verifier] = true
			}
			most = max(most, len(part))
		}
		if len(seen) != all || len(f.Unsent()) != 0 {
			t.Errorf("%s: %d of %d verifiers", what, len(seen), all)
		}
		if long == "" && most != api.MaxFollowers {
			t.Errorf("an ack has %d verifiers at most, want %d", most, api.MaxFollowers)
		}
	}
}

// TestARelayIsBounded: all handlers of a relay share the seats of its followers.
func TestARelayIsBounded(t *testing.T) {
	f := follow.New(follow.Config{Staleness: 10 * time.Second, Client: &http.Client{}, Now: time.Now, Log: slog.New(slog.DiscardHandler)}, nil)
	defer f.Close()
	if seats := f.Relay().Seats; seats == nil || seats != f.Relay().Seats {
		t.Error("the followers of a relay are not bounded")
	}
}
