package app_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify"
)

// countingKeySets counts the fetches of the key set.
type countingKeySets struct{ fetches atomic.Int64 }

func (c *countingKeySets) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/jwks.json") {
		c.fetches.Add(1)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// TestRotationUnderLoad: ten minutes of 1,000 requests a second, in which the
// keys of a real issuer rotate by themselves and strangers send tokens of keys
// that do not exist. No good request fails. The budget of fetches is two at once
// and another each half interval, so that a stranger's token does not use up the
// fetch that a good token of a new key needs: two an interval in the long run,
// and never more than three within one.
func TestRotationUnderLoad(t *testing.T) {
	const perSecond, strangers, minutes = 1000, 50, 10
	const interval, seconds = 10 * time.Second, 10
	issuer := apptest.Start(t, func(c *config.Config) {
		c.KeyRotation, c.KeySetMaxAge, c.AccessTTL = 3*time.Minute, time.Second, time.Minute
	})
	counted := &countingKeySets{}
	v, err := verify.New(t.Context(), verify.Config{
		Issuer: issuer.URL, Audience: "portaria", HTTPClient: &http.Client{Transport: counted},
		RefetchInterval: interval, Leeway: -1, Now: issuer.Clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	_, tokens := issuer.SignUp("ana@example.com")

	var alive []string
	kids := map[string]bool{}
	var fetches []int64 // up to each second
	for second := range minutes * 60 {
		issuer.Clock.Move(time.Second)
		if second%10 == 0 { // as upkeep does
			issuer.MaintainKeys()
		}
		next, err := issuer.Refresh(context.Background(), tokens.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		tokens = next
		kids[kidOf(t, tokens.AccessToken)] = true
		if alive = append(alive, tokens.AccessToken); len(alive) > 59 {
			alive = alive[1:] // it expires in this second
		}
		for i := range perSecond {
			if _, err := v.Verify(t.Context(), alive[(i*7919)%len(alive)]); err != nil {
				t.Fatalf("second %d: a good token was refused: %v", second, err)
			}
		}
		for i := range strangers {
			if _, err := v.Verify(t.Context(), unknownKey(tokens.AccessToken, second*strangers+i)); err == nil {
				t.Fatal("a token of an unknown key was accepted")
			}
		}
		fetches = append(fetches, counted.fetches.Load())
	}
	if len(kids) < 3 {
		t.Errorf("tokens of %d keys: the test is about rotation", len(kids))
	}
	// Two more: the first fetch of all, and the reserve that the budget begins with.
	const most = 2*int64(minutes*time.Minute/interval) + 2
	if got := counted.fetches.Load(); got > most {
		t.Errorf("%d fetches of the key set in %d minutes, want %d at most", got, minutes, most)
	}
	for i := seconds; i < len(fetches); i++ {
		if got := fetches[i] - fetches[i-seconds]; got > 3 {
			t.Errorf("%d fetches of the key set in the %v before second %d, want three at most", got, interval, i)
		}
	}
}

// kidOf reads the header of a token.
func kidOf(t *testing.T, token string) string {
	t.Helper()
	header, _, _ := strings.Cut(token, ".")
	h, err := jose.ParseHeader(header)
	if err != nil {
		t.Fatal(err)
	}
	return h.Kid
}

// unknownKey is a token under a kid that nobody has.
func unknownKey(token string, n int) string {
	_, rest, _ := strings.Cut(token, ".")
	return jose.Encode(fmt.Appendf(nil, `{"alg":"ES256","kid":"stranger-%d","typ":"at+jwt"}`, n)) + "." + rest
}
