package verify_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify"
	"github.com/portaria/portaria/verify/verifytest"
)

// TestNewKeyNeverSignsOut: a good token of a key that is newer than the known
// ones is accepted, or answered with 503. It never hears 401, whatever strangers
// send, and it waits for seconds at most.
func TestNewKeyNeverSignsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, config := virtual()
		k := generate(t, jose.EdDSA)
		o.publish(k)
		v := open(t, config)
		defer v.Close()
		strange := generate(t, jose.EdDSA)
		for round := range 30 {
			for range round % 5 { // they use up the budget
				_, _ = v.Verify(t.Context(), lasting(t, strange))
			}
			old := lasting(t, k)
			k = generate(t, jose.EdDSA) // the old one is killed, and this one signs at once
			o.publish(k)
			token, began := lasting(t, k), time.Now()
			for {
				_, err := v.Verify(t.Context(), token)
				if err == nil {
					break
				}
				if !errors.Is(err, verify.ErrUnavailable) || time.Since(began) > 6*time.Second {
					t.Fatalf("round %d, after %v: %v", round, time.Since(began), err)
				}
				time.Sleep(100 * time.Millisecond)
			}
			if _, err := v.Verify(t.Context(), old); !errors.Is(err, verify.ErrKey) {
				t.Fatalf("round %d, killed key: %v", round, err)
			}
			time.Sleep(time.Duration(round) * time.Second)
		}
	})
}

// TestKilledKeyDiesWithAnySet: every well-formed set withdraws what is not in
// it, also one without a key that can be used. Health says so, and the verifier
// works again as soon as the issuer has a key.
func TestKilledKeyDiesWithAnySet(t *testing.T) {
	for name, set := range map[string]string{
		"empty":             `{"keys":[]}`,
		"unknown kinds":     `{"keys":[{"kty":"AKP","alg":"ML-DSA-44","kid":"pq","pub":"AA"}]}`,
		"one unreadable":    `{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`,
		"no object":         `{"keys":[null]}`,
		"one that encrypts": "",
		"duplicate members": `{"keys":[{"kty":"EC","kty":"EC"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, config := virtual()
				k := generate(t, jose.ES256)
				o.publish(k)
				log := &strings.Builder{}
				config.Log = slog.New(slog.NewTextHandler(log, nil))
				v := open(t, config)
				defer v.Close()
				token := lasting(t, k)
				accept(t, v, token)
				if set == "" {
					set = string(keySet(generate(t, jose.ECDHES)))
				}
				o.misbehave(nil, answer("application/json", set))
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				for range 2 {
					refuse(t, v, token, verify.ErrUnavailable)
				}
				if err := v.Health(); !errors.Is(err, verify.ErrUnavailable) || !strings.Contains(err.Error(), "no key that can be used") {
					t.Errorf("Health: %v", err)
				}
				if !strings.Contains(log.String(), "every token is refused") {
					t.Errorf("log %q", log)
				}
				next := generate(t, jose.ES256)
				o.publish(next)
				time.Sleep(time.Minute)
				accept(t, v, lasting(t, next))
				refuse(t, v, token, verify.ErrKey)
			})
		})
	}
}

// TestFollowerSurvivesASetWithoutKeys: it follows the rules on, and says that
// there is no key.
func TestFollowerSurvivesASetWithoutKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.misbehave("jwks", answer("application/json", `{"keys":[]}`)) // the feed alone has the key
		v := open(t, w.config())
		defer v.Close()
		token, other := w.token(t, "a"), w.token(t, "b")
		accept(t, v, token)
		w.log.SetKeySet([]byte(`{"keys":[]}`))
		time.Sleep(5 * time.Second)
		if err := v.Health(); err == nil || !strings.Contains(err.Error(), "no key that can be used") {
			t.Errorf("Health: %v", err)
		}
		refuse(t, v, token, verify.ErrUnavailable)
		if n := w.count("feed"); n != 1 {
			t.Errorf("the stream was left %d times", n-1)
		}
		w.revoke("a")
		w.log.SetKeySet(keySet(w.key))
		time.Sleep(5 * time.Second)
		refuse(t, v, token, verify.ErrRevoked)
		accept(t, v, other)
	})
}

// TestFetchingIsLogged: the first failure, the end of the keys and the recovery,
// once each; Stats has the age and the reason, and Health warns in time.
func TestFetchingIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, config := virtual()
		k := generate(t, jose.ES256)
		o.publish(k)
		log := &strings.Builder{}
		config.Log = slog.New(slog.NewTextHandler(log, nil))
		v := open(t, config)
		defer v.Close()
		says := func(want string) {
			t.Helper()
			synctest.Wait()
			if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, want) {
				t.Errorf("log %q, want %q", got, want)
			}
			log.Reset()
		}
		o.misbehave(http.NotFound, nil)
		time.Sleep(11 * time.Hour)
		says("the known ones stay in use")
		if s := v.Stats(); v.Health() != nil || s.KeyError == nil || s.KeyAge < 10*time.Hour || s.Keys != 1 {
			t.Errorf("after 11 hours: %v, %+v", v.Health(), s)
		}
		time.Sleep(5 * time.Hour)
		if err := v.Health(); !errors.Is(err, verify.ErrDegraded) || errors.Is(err, verify.ErrUnavailable) || !strings.Contains(err.Error(), "status 404") {
			t.Errorf("after 16 hours: %v", err)
		}
		time.Sleep(9 * time.Hour)
		says("every token is refused")
		if err := v.Health(); !errors.Is(err, verify.ErrUnavailable) || !strings.Contains(err.Error(), "the limit is 24h0m0s") {
			t.Errorf("after 25 hours: %v", err)
		}
		o.publish(k)
		time.Sleep(5 * time.Minute)
		says("fetched again")
		if s := v.Stats(); v.Health() != nil || s.KeyError != nil || s.KeyAge > 5*time.Minute {
			t.Errorf("recovered: %v, %+v", v.Health(), s)
		}
	})
}

// TestWrongIssuerIsLogged as soon as New returns.
func TestWrongIssuerIsLogged(t *testing.T) {
	o := listen(t, generate(t, jose.ES256))
	log := &strings.Builder{}
	config := o.config((&clock{start}).Now)
	config.Issuer += "/wrong"
	config.Log = slog.New(slog.NewTextHandler(log, nil))
	open(t, config)
	if !strings.Contains(log.String(), "every token is refused") || !strings.Contains(log.String(), "/.well-known/oauth-authorization-server/wrong: status 404") {
		t.Errorf("log %q", log)
	}
}

// TestCancelledIsNotUnavailable: a caller that gives up gets its own error, and
// no monitor counts it as a failure of the verifier.
func TestCancelledIsNotUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, config := virtual()
		k := generate(t, jose.ES256)
		o.publish(k)
		v := open(t, config)
		defer v.Close()
		o.misbehave(nil, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		for what, call := range map[string]func(context.Context) error{
			"Verify": func(ctx context.Context) error {
				_, err := v.Verify(ctx, lasting(t, generate(t, jose.ES256)))
				return err
			},
			"Refresh": v.Refresh,
		} {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			if err := call(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, verify.ErrUnavailable) || errors.Is(err, verify.ErrInvalid) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if s := v.Stats(); s.Refused["unavailable"] != 0 || s.Refused["canceled"] != 1 {
			t.Errorf("%v", s.Refused)
		}
	})
}

// TestYoungTokenOfAnUnknownKey at a follower: the feed brings the key within a
// second, so that nothing is fetched and nobody is signed out.
func TestYoungTokenOfAnUnknownKey(t *testing.T) {
	i := verifytest.New(t)
	v := i.Verifier(audience)
	young := i.Token(audience, verifytest.UnknownKey(), verifytest.Claim("iat", i.Now().Unix()))
	refuse(t, v, young, verify.ErrUnavailable)
	i.Advance(time.Minute)
	refuse(t, v, young, verify.ErrKey)
	if n := i.Fetches(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}
