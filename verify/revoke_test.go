package verify_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/verify"
	"github.com/portaria/portaria/verify/verifytest"
)

var bearerError = `Bearer error="invalid_token"`

func bearer(token string) *http.Request {
	return request(http.MethodGet, "", "Authorization", "Bearer "+token)
}

// TestRevoke: each kind of rule refuses the tokens it is about, at once and
// though they are cached, and neither others nor what is minted afterwards; but
// nothing that a stolen key signed is good again. A rule about a session also
// refuses the tokens whose root the session is.
func TestRevoke(t *testing.T) {
	ana := []verifytest.Option{verifytest.Subject("ana"), verifytest.Claim("sid", "s1"), verifytest.Claim("root", "top"), verifytest.Claim("jti", "t1"), verifytest.Claim("client_id", "shop")}
	other := []verifytest.Option{verifytest.Subject("bob"), verifytest.Claim("sid", "s2"), verifytest.Claim("jti", "t2"), verifytest.Claim("client_id", "mail")}
	for _, cache := range []int{0, -1} {
		for name, value := range map[string][]string{
			"t": {"t1"}, "s": {"s1"}, "s of the root": {"top"}, "u": {"ana"}, "c": {"shop"}, "uc": {"ana", "shop"}, "k": nil, "i": {verifytest.URL},
		} {
			kind, _, _ := strings.Cut(name, " ")
			i := verifytest.New(t)
			config := i.Config(audience)
			config.CacheEntries = cache
			v := i.Open(config)
			if kind == "k" {
				value = []string{i.Kid()}
			}
			old, others := i.Token(audience, ana...), i.Token(audience, other...)
			foreign := i.Token(audience, append(ana, verifytest.Claim("rvs", nil), verifytest.Claim("jti", "t1"))...)
			for _, token := range []string{old, others, foreign} {
				accept(t, v, token)
			}
			i.Revoke(kind, value...)
			refuse(t, v, old, verify.ErrRevoked)
			refuse(t, v, foreign, verify.ErrRevoked)
			again := i.Token(audience, ana...)
			switch kind {
			case "k":
				refuse(t, v, again, verify.ErrRevoked)
			case "i":
				refuse(t, v, others, verify.ErrRevoked)
				accept(t, v, again)
			default:
				accept(t, v, others)
				accept(t, v, again)
			}
			if want := (answered{401, bearerError, "token_revoked"}); ask(t, v, bearer(old), verify.Open()) != want {
				t.Errorf("%s: an open route lets in what is known to be revoked", name)
			}
		}
	}
}

// TestOutdated: a soft rule tells to refresh, a hard one to sign in again, and
// the hard one wins.
func TestOutdated(t *testing.T) {
	i := verifytest.New(t)
	v := i.Verifier(audience)
	token := i.Token(audience, verifytest.Subject("ana"))
	detail := func() string {
		w := httptest.NewRecorder()
		v.RequireFunc(func(http.ResponseWriter, *http.Request) {}).ServeHTTP(w, bearer(token))
		return w.Body.String()
	}
	i.Outdate("u", "ana")
	refuse(t, v, token, verify.ErrOutdated)
	if got := detail(); !strings.Contains(got, "token_outdated") || !strings.Contains(got, "Refresh it.") {
		t.Error(got)
	}
	i.Revoke("s", "session")
	if got := detail(); !strings.Contains(got, "token_revoked") || !strings.Contains(got, "Sign in again.") {
		t.Error(got)
	}
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, verify.ErrRevoked) || errors.Is(err, verify.ErrOutdated) {
		t.Error(err)
	}
}

// TestPartition: up to the bound nothing changes; after it every token is
// refused with 503, which logs nobody out, but those that are too young to have
// been revoked longer ago; and afterwards all is well again.
func TestPartition(t *testing.T) {
	i := verifytest.New(t)
	v := i.Verifier(audience)
	old := i.Token(audience)
	i.Advance(time.Minute)
	i.Partition()
	i.Revoke("t", "token-1") // nobody hears of it
	i.Advance(10 * time.Second)
	accept(t, v, old)
	ahead := i.Token(audience, verifytest.Claim("iat", i.Now().Add(5*time.Second).Unix()))
	i.Advance(time.Millisecond)
	refuse(t, v, old, verify.ErrStale)
	if err := v.Health(); !errors.Is(err, verify.ErrStale) || !errors.Is(err, verify.ErrUnavailable) {
		t.Errorf("health: %v", err)
	}
	refuse(t, v, ahead, verify.ErrStale)
	if got, want := ask(t, v, bearer(old)), (answered{503, "", "verification_unavailable"}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	if got := ask(t, v, bearer(old), verify.Open()); got != letIn {
		t.Errorf("open route: %v", got)
	}
	young := i.Token(audience)
	accept(t, v, young)
	i.Advance(9 * time.Second)
	accept(t, v, young)
	i.Advance(time.Second)
	refuse(t, v, young, verify.ErrStale)
	if s := v.Stats(); s.Feed != verify.FeedStale || s.Opened != 1 || s.Refused["stale"] == 0 || s.Age < 20*time.Second {
		t.Errorf("%+v", s)
	}
	i.Heal()
	refuse(t, v, old, verify.ErrRevoked)
	accept(t, v, young)
	if err := v.Health(); err != nil {
		t.Error(err)
	}
	if s := v.Stats(); s.Feed != verify.FeedCurrent || s.Rules != 1 || s.Age != 0 || s.RuleBytes == 0 {
		t.Errorf("%+v", s)
	}
}

// TestDelay: everything that the feed says takes longer than the bound. Counted
// from when it arrived the view would always be young; it is not, and nothing
// that was revoked is accepted later than the bound.
func TestDelay(t *testing.T) {
	const bound, delay, step = 2 * time.Second, 3 * time.Second, 500 * time.Millisecond
	i := verifytest.New(t)
	config := i.Config(audience)
	config.Staleness = bound
	v := i.Open(config)
	patient := i.Verifier(audience)
	i.Delay(delay)
	refused := 0
	for n := range 20 {
		sid := fmt.Sprint("session ", n)
		token := i.Token(audience, verifytest.Claim("sid", sid), verifytest.Claim("iat", i.Now().Add(-time.Minute).Unix()))
		i.Advance(step)
		i.Revoke("s", sid)
		for since := time.Duration(0); since <= 5*time.Second; since += step {
			_, err := v.Verify(t.Context(), token)
			if err == nil && since > bound {
				t.Fatalf("accepted %v after it was revoked, the bound is %v", since, bound)
			}
			if errors.Is(err, verify.ErrRevoked) {
				refused++
			}
			i.Advance(step)
		}
	}
	if refused == 0 {
		t.Error("no rule has ever arrived")
	}
	// Within the bound a delay does no harm.
	accept(t, patient, i.Token(audience, verifytest.Claim("iat", i.Now().Add(-time.Minute).Unix())))
	if age := patient.Stats().Age; age < delay || age > delay+step {
		t.Errorf("age %v", age)
	}
}

// TestIntrospection decides where the feed cannot: about each token once within
// the bound, however many requests bring it.
func TestIntrospection(t *testing.T) {
	i := verifytest.New(t)
	config := i.Config(audience)
	config.WhenStale = verify.Introspect
	v := i.Open(config)
	good, bad := i.Token(audience, verifytest.Claim("sid", "good")), i.Token(audience, verifytest.Claim("sid", "bad"))
	accept(t, v, good)
	accept(t, v, bad)
	i.Partition()
	i.Revoke("s", "bad")
	i.Advance(11 * time.Second)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				accept(t, v, good)
			}
		})
	}
	all.Wait()
	if n := v.Stats().Introspected; n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
	refuse(t, v, bad, verify.ErrRevoked)
	if got, want := ask(t, v, bearer(bad), verify.Open()), (answered{401, bearerError, "token_revoked"}); got != want {
		t.Errorf("open route: %v, want %v", got, want)
	}
	i.Advance(11 * time.Second)
	i.Revoke("s", "good")
	refuse(t, v, good, verify.ErrRevoked)

	i.Offline(true)
	other := i.Token(audience, verifytest.Claim("iat", i.Now().Add(-time.Minute).Unix()))
	refuse(t, v, other, verify.ErrStale)
	before := v.Stats().Introspected
	for range 10 { // an issuer that does not answer is left alone for a second
		refuse(t, v, other, verify.ErrStale)
	}
	if s := v.Stats(); s.Introspected != before || s.Unanswered != 1 {
		t.Errorf("%+v", s)
	}
	i.Offline(false)
	i.Advance(2 * time.Second)
	accept(t, v, other)
}

// ended waits for a watch to end and returns why.
func ended(t *testing.T, watched context.Context) error {
	t.Helper()
	select {
	case <-watched.Done():
		return context.Cause(watched)
	case <-time.After(10 * time.Second):
		t.Error("not ended")
		return nil
	}
}

// TestWatch: a connection ends when its token does, and no other does.
func TestWatch(t *testing.T) {
	i := verifytest.New(t)
	v := i.Verifier(audience)
	watch := func(options ...verifytest.Option) (context.Context, func()) {
		return v.Watch(t.Context(), accept(t, v, i.Token(audience, options...)))
	}
	ana, stop := watch(verifytest.Subject("ana"))
	defer stop()
	soft, stop := watch(verifytest.Subject("soft"))
	defer stop()
	bob, stop := watch(verifytest.Subject("bob"))
	gone, stopGone := watch(verifytest.Subject("ana"))
	stopGone()
	if !errors.Is(context.Cause(gone), context.Canceled) {
		t.Errorf("stopped: %v", context.Cause(gone))
	}
	i.Revoke("u", "ana")
	i.Outdate("u", "soft")
	if err := ended(t, ana); !errors.Is(err, verify.ErrRevoked) {
		t.Errorf("revoked: %v", err)
	}
	if err := ended(t, soft); !errors.Is(err, verify.ErrOutdated) {
		t.Errorf("outdated: %v", err)
	}
	again, stopAgain := watch(verifytest.Subject("ana"))
	if bob.Err() != nil || again.Err() != nil {
		t.Error("others have ended")
	}
	i.Revoke("i", verifytest.URL)
	if err := errors.Join(ended(t, bob), ended(t, again)); !errors.Is(err, verify.ErrRevoked) {
		t.Errorf("everything revoked: %v", err)
	}
	stop()
	stopAgain()

	claims := accept(t, v, i.Token(audience, verifytest.Claim("sid", "late")))
	i.Revoke("s", "late")
	late, stop := v.Watch(t.Context(), claims)
	defer stop()
	if err := ended(t, late); !errors.Is(err, verify.ErrRevoked) {
		t.Errorf("revoked before: %v", err)
	}
	expiring, stop := watch(verifytest.Claim("exp", i.Now().Add(-9*time.Second).Unix()))
	defer stop()
	if err := ended(t, expiring); !errors.Is(err, verify.ErrExpired) {
		t.Errorf("expired: %v", err)
	}
	nobody, stop := v.Watch(t.Context(), verify.Claims{})
	defer stop()
	if err := ended(t, nobody); !errors.Is(err, verify.ErrInvalid) {
		t.Errorf("no claims: %v", err)
	}
}

// TestKeysOfTheStream: with the feed no request fetches keys; a new key is good
// at once, and one that is withdrawn is not.
func TestKeysOfTheStream(t *testing.T) {
	i := verifytest.New(t)
	v := i.Verifier(audience)
	first := i.Token(audience)
	for range 5 {
		i.Rotate()
		accept(t, v, i.Token(audience))
		accept(t, v, first)
		refuse(t, v, i.Token(audience, verifytest.UnknownKey()), verify.ErrKey)
		refuse(t, v, i.Token(audience, verifytest.UnknownKey(), verifytest.Claim("iat", i.Now().Unix())), verify.ErrUnavailable) // it may be new
		i.Advance(time.Minute)
	}
	i.Advance(24 * time.Hour) // more than keys are good for without the issuer
	accept(t, v, i.Token(audience))
	if n := i.Fetches(); n != 1 {
		t.Errorf("%d fetches, want the first one", n)
	}
}

// TestWithoutCredentials the verifier works, and says plainly that it knows
// nothing of what is revoked.
func TestWithoutCredentials(t *testing.T) {
	i := verifytest.New(t)
	config := i.Config(audience)
	config.ClientID, config.ClientSecret = "", nil
	v := i.Open(config)
	token := i.Token(audience)
	i.Revoke("i", verifytest.URL)
	accept(t, v, token)
	if s := v.Stats(); s.Feed != verify.FeedIgnored || v.Health() != nil {
		t.Errorf("%+v, %v", s, v.Health())
	}
	config.ClientID, config.ClientSecret = verifytest.ClientID, verify.Secret("wrong")
	v = i.Open(config)
	if err := v.Health(); !errors.Is(err, verify.ErrStale) || !strings.Contains(err.Error(), "401") {
		t.Errorf("wrong credentials: %v", err)
	}
	if w := relayAnswer(open(t, static(generate(t, "ES256"), &clock{start}))); w.Code != http.StatusServiceUnavailable {
		t.Errorf("feed of a verifier that follows nothing: %d", w.Code)
	}
}

func relayAnswer(v *verify.Verifier) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	v.Feed().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/rev/v1/feed", nil))
	return w
}

func TestFeedConfig(t *testing.T) {
	good := verify.Config{Issuer: issuer, Audience: audience, ClientID: "a", ClientSecret: verify.Secret("b")}
	for what, change := range map[string]func(*verify.Config){
		"no secret":      func(c *verify.Config) { c.ClientSecret = nil },
		"no id":          func(c *verify.Config) { c.ClientID = "" },
		"fixed keys":     func(c *verify.Config) { c.KeySet = keySet(generate(t, "ES256")) },
		"short bound":    func(c *verify.Config) { c.Staleness = time.Second },
		"negative bound": func(c *verify.Config) { c.Staleness = -time.Second },
		"policy":         func(c *verify.Config) { c.WhenStale = "accept" },
	} {
		c := good
		change(&c)
		if _, err := verify.New(t.Context(), c); !errors.Is(err, verify.ErrConfig) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if text := fmt.Sprintf("%+v", good); strings.Contains(text, "[98]") || !strings.Contains(text, "[secret]") {
		t.Error(text)
	}
}

// TestRelay: who follows a verifier hears what the verifier hears, and is as
// stale as it is.
func TestRelay(t *testing.T) {
	i := verifytest.New(t)
	gateway := i.Verifier("gateway")
	relay := httptest.NewServer(gateway.Feed())
	t.Cleanup(relay.Close) // after the verifier that reads from it
	i.Revoke("s", "before")

	config := i.Config(audience)
	config.HTTPClient = &http.Client{Transport: rerouted{config.HTTPClient.Transport, relay.Listener.Addr().String()}}
	v := open(t, config)
	if err := v.Health(); err != nil {
		t.Fatal(err)
	}
	refuse(t, v, i.Token(audience, verifytest.Claim("sid", "before"), verifytest.Claim("rvs", 0)), verify.ErrRevoked)
	ana := accept(t, v, i.Token(audience, verifytest.Subject("ana")))
	watched, stop := v.Watch(t.Context(), ana)
	defer stop()
	i.Revoke("u", "ana")
	if err := ended(t, watched); !errors.Is(err, verify.ErrRevoked) {
		t.Error(err)
	}
	if diff := cmp.Diff(gateway.Stats().Position, v.Stats().Position); diff != "" {
		t.Error(diff)
	}
	i.Partition()
	old := i.Token(audience)
	i.Advance(10*time.Second + time.Millisecond)
	refuse(t, gateway, i.Token("gateway", verifytest.Claim("iat", i.Now().Add(-time.Minute).Unix())), verify.ErrStale)
	refuse(t, v, old, verify.ErrStale)
}

// rerouted sends what is about the feed to another host.
type rerouted struct {
	http.RoundTripper
	feed string
}

func (x rerouted) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Path, "/rev/v1/") {
		return x.RoundTripper.RoundTrip(r)
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", x.feed
	return http.DefaultTransport.RoundTrip(r)
}
