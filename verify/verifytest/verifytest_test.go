package verifytest_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/portaria/portaria/verify"
	"github.com/portaria/portaria/verify/verifytest"
)

func check(t *testing.T, v *verify.Verifier, what, token string, want error) {
	t.Helper()
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestTokens(t *testing.T) {
	i := verifytest.New(t)
	v := i.Verifier("orders")
	for what, test := range map[string]struct {
		token string
		want  error
	}{
		"good":           {i.Token("orders"), nil},
		"subject":        {i.Token("orders", verifytest.Subject("ana")), nil},
		"wrong audience": {i.Token("billing"), verify.ErrAudience},
		"expired":        {i.Token("orders", verifytest.Expired()), verify.ErrExpired},
		"forged":         {i.Token("orders", verifytest.Forged()), verify.ErrSignature},
		"other key":      {i.Token("orders", verifytest.UnknownKey()), verify.ErrKey},
		"other type":     {i.Token("orders", verifytest.Type("JWT")), verify.ErrType},
		"without exp":    {i.Token("orders", verifytest.Claim("exp", nil)), verify.ErrClaims},
		// It is young: its key may be one that is not published everywhere yet.
		"of another's":     {verifytest.New(t).Token("orders"), verify.ErrUnavailable},
		"of another's key": {verifytest.New(t).Token("orders", verifytest.Claim("iss", "x")), verify.ErrIssuer},
	} {
		check(t, v, what, test.token, test.want)
	}
	c, err := v.Verify(t.Context(), i.Token("orders", verifytest.Subject("ana"), verifytest.Scope("a", "b"), verifytest.Claim("role", "clerk")))
	role, _ := c.Raw("role")
	if err != nil || c.Subject() != "ana" || !c.HasScope("b") || string(role) != `"clerk"` || c.Fresh() {
		t.Errorf("%v, %q %q %s", err, c.Subject(), c.Scope(), role)
	}
}

func TestClock(t *testing.T) {
	i := verifytest.New(t)
	v := i.Verifier("orders")
	token := i.Token("orders")
	i.Advance(15 * time.Minute)
	check(t, v, "within the leeway", token, nil)
	i.Advance(10 * time.Second)
	check(t, v, "after it", token, verify.ErrExpired)
	check(t, v, "a new one", i.Token("orders"), nil)
}

func TestFreshness(t *testing.T) {
	i := verifytest.New(t)
	v := i.Verifier("bank")
	status := func(options ...verifytest.Option) int {
		r := httptest.NewRequest(http.MethodPost, "/transfers", nil)
		r.Header.Set("Authorization", "Bearer "+i.Token("bank", options...))
		w := httptest.NewRecorder()
		v.Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), verify.FreshWithin(5*time.Minute)).ServeHTTP(w, r)
		return w.Code
	}
	if got := []int{status(), status(verifytest.Fresh()), status(verifytest.SignedInAgo(time.Hour))}; got[0] != 200 || got[1] != 200 || got[2] != 401 {
		t.Errorf("%v, want 200 200 401", got)
	}
}

func TestKeys(t *testing.T) {
	i := verifytest.New(t)
	v := i.Verifier("orders")
	before := i.Token("orders")
	for range 3 {
		i.Rotate()
		check(t, v, "of the new key", i.Token("orders"), nil)
		check(t, v, "of the old key", before, nil)
	}
	i.Withdraw()
	check(t, v, "of a key withdrawn", before, verify.ErrKey)
	check(t, v, "of the key that is left", i.Token("orders"), nil)

	after := i.Token("orders", verifytest.Claim("exp", i.Now().Add(48*time.Hour).Unix()))
	i.Offline(true)
	check(t, v, "offline", after, nil)
	i.Rotate()
	check(t, v, "new key, offline", i.Token("orders"), verify.ErrUnavailable)
	i.Advance(24 * time.Hour)
	check(t, v, "offline for too long", after, verify.ErrUnavailable)
	i.Offline(false)
	check(t, v, "online again", after, nil)
}

// TestRotationUnderLoad: none of the good requests fails.
func TestRotationUnderLoad(t *testing.T) {
	i := verifytest.New(t)
	v := i.Verifier("orders")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				check(t, v, "while keys rotate", i.Token("orders"), nil)
			}
		})
	}
	for range 50 {
		i.Rotate()
	}
	wg.Wait()
	if i.Fetches() > 51 {
		t.Errorf("%d fetches for 50 rotations", i.Fetches())
	}
}

// TestStartsAtOnce: the best of several counts, a busy machine is no fault of
// ours.
func TestStartsAtOnce(t *testing.T) {
	best := time.Hour
	for range 20 {
		began := time.Now()
		v := verifytest.New(t).Verifier("orders")
		best = min(best, time.Since(began))
		v.Close()
	}
	if best > 25*time.Millisecond { // the race detector and other work on the machine need time too
		t.Errorf("takes %v", best)
	}
	t.Log(best)
}

// TestRevocation: what a service can try its routes with.
func TestRevocation(t *testing.T) {
	i := verifytest.New(t)
	v := i.Verifier("orders")
	token := i.Token("orders", verifytest.Subject("ana"))
	check(t, v, "before", token, nil)
	i.Revoke("u", "ana")
	check(t, v, "after", token, verify.ErrRevoked)
	check(t, v, "signed in again", i.Token("orders", verifytest.Subject("ana")), nil)
	i.Outdate("uc", "account", "test")
	check(t, v, "soft", i.Token("orders", verifytest.Claim("rvs", 0)), verify.ErrOutdated)

	token = i.Token("orders")
	i.Partition()
	i.Advance(11 * time.Second)
	check(t, v, "cut off from the feed", token, verify.ErrStale)
	i.Heal()
	check(t, v, "healed", token, nil)
	i.Delay(3 * time.Second)
	i.Revoke("k", i.Kid())
	check(t, v, "nobody has heard", token, nil)
	i.Advance(3 * time.Second)
	check(t, v, "late", token, verify.ErrRevoked)
}
