// Package verifytest is an issuer inside a test: it mints the tokens that the
// test needs, good and bad, on a clock that the test sets, and takes neither a
// network nor a second to start. What it is asked for goes through the same
// code as with a real issuer, from the discovery of its keys on:
//
//	issuer := verifytest.New(t)
//	v := issuer.Verifier("orders")
//	request.Header.Set("Authorization", "Bearer "+issuer.Token("orders", verifytest.Subject("ana")))
//	issuer.Revoke("u", "ana") // refused from here on
package verifytest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify"
)

// URL is the name of every Issuer.
const URL = "https://issuer.test"

// lifetime of a token.
const lifetime = 15 * time.Minute

// What verifiers of the issuer are registered with.
const (
	ClientID     = "verifier"
	ClientSecret = "the verifier's secret"
)

var errOffline = errors.New("verifytest: the issuer is offline")

// Issuer mints tokens and publishes keys. Its clock stands still unless it is
// advanced. Safe for concurrent use.
type Issuer struct {
	t testing.TB

	mu        sync.Mutex
	now       time.Time
	signer    jose.Key
	published []jose.Key
	offline   bool
	verifiers []*verify.Verifier
	fetches   int
	minted    int
	feed      revocations
}

// New returns an issuer with one key. Its clock begins at the real time, cut to
// seconds.
func New(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{t: t, now: time.Now().UTC().Truncate(time.Second)}
	i.signer = i.generate()
	i.published = []jose.Key{i.signer}
	i.feed.begin(i)
	return i
}

func (i *Issuer) generate() jose.Key {
	i.t.Helper()
	k, err := jose.Generate(jose.ES256)
	if err != nil {
		i.t.Fatalf("generate key: %v", err)
	}
	return k
}

// Config is the configuration of a verifier for the audience, to be changed
// before it goes to [verify.New]. It follows the issuer's revocation feed. Keys
// may be fetched again at once, so that a test that rotates them need not wait.
// Each verifier needs a Config of its own.
func (i *Issuer) Config(audience string) verify.Config {
	return verify.Config{
		Issuer: URL, Audience: audience, Now: i.Now,
		ClientID: ClientID, ClientSecret: verify.Secret(ClientSecret), Log: slog.New(slog.DiscardHandler),
		HTTPClient:      &http.Client{Transport: &link{Issuer: i}},
		RefetchInterval: -1,
	}
}

// Verifier returns a verifier for the audience; it is closed when the test
// ends.
func (i *Issuer) Verifier(audience string) *verify.Verifier {
	i.t.Helper()
	return i.Open(i.Config(audience))
}

// Open is [verify.New] for a test. The verifier learns at once of keys that are
// withdrawn, and is closed when the test ends.
func (i *Issuer) Open(c verify.Config) *verify.Verifier {
	i.t.Helper()
	v, err := verify.New(context.Background(), c)
	if err != nil {
		i.t.Fatalf("open verifier: %v", err)
	}
	i.t.Cleanup(v.Close)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.verifiers = append(i.verifiers, v)
	return v
}

// Now is the issuer's clock, and that of its verifiers.
func (i *Issuer) Now() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.now
}

// Advance moves the clock. Verifiers that can hear the issuer know that they
// miss nothing when it returns.
func (i *Issuer) Advance(by time.Duration) {
	i.mu.Lock()
	i.now = i.now.Add(by)
	i.mu.Unlock()
	i.settle()
}

// Rotate makes the issuer sign with a new key from now on. The old one stays
// published: tokens of it are good until they expire.
func (i *Issuer) Rotate() {
	i.t.Helper()
	next := i.generate()
	i.mu.Lock()
	i.published = append(i.published, next)
	i.feed.log.SetKeySet(i.keySet())
	i.mu.Unlock()
	i.settle() // published before it signs
	i.mu.Lock()
	defer i.mu.Unlock()
	i.signer = next
}

// Withdraw withdraws all keys but the one that signs, as after a theft: verifiers
// learn of it at their next fetch, which is made here unless the issuer is offline.
func (i *Issuer) Withdraw() {
	i.t.Helper()
	i.mu.Lock()
	i.published = []jose.Key{i.signer}
	i.feed.log.SetKeySet(i.keySet())
	verifiers := i.verifiers
	i.mu.Unlock()
	i.settle()
	for _, v := range verifiers {
		_ = v.Refresh(context.Background()) // offline: they cannot know
	}
}

// Offline makes the issuer unreachable, with its feed, until it is called with
// false.
func (i *Issuer) Offline(offline bool) {
	i.mu.Lock()
	if i.offline = offline; offline {
		i.feed.cut()
	}
	i.mu.Unlock()
	i.settle()
}

// Fetches returns how often the key set was fetched.
func (i *Issuer) Fetches() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

// RoundTrip answers one request, without a network.
func (l *link) RoundTrip(r *http.Request) (*http.Response, error) {
	i := l.Issuer
	if strings.HasPrefix(r.URL.String(), URL+"/rev/v1/") || r.URL.String() == URL+"/introspect" {
		return l.authenticated(r)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.offline {
		return nil, errOffline
	}
	body := []byte(`{"issuer":"` + URL + `","jwks_uri":"` + URL + `/keys","revocation_feed_endpoint":"` + URL +
		`/rev/v1/feed","introspection_endpoint":"` + URL + `/introspect"}`)
	switch r.URL.String() {
	case URL + "/keys":
		i.fetches++
		body = i.keySet()
	case URL + "/.well-known/oauth-authorization-server":
	default:
		return nil, fmt.Errorf("verifytest: no such document: %s", r.URL)
	}
	return reply(r, http.StatusOK, body), nil
}

func reply(r *http.Request, status int, body []byte) *http.Response {
	return &http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)),
	}
}

func (i *Issuer) keySet() []byte {
	var keys []json.RawMessage
	for _, k := range i.published {
		keys = append(keys, k.PublicJWK())
	}
	set, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err) // JSON of our own
	}
	return set
}

// token is what is minted, while options change it.
type token struct {
	header, claims map[string]any
	signer         jose.Key
	now            time.Time
	t              testing.TB
}

// Option changes a token that is about to be minted.
type Option func(*token)

// Token mints an access token for the audience: that of an account which signed
// in a minute ago, good for 15 minutes, unless options say otherwise.
func (i *Issuer) Token(audience string, options ...Option) string {
	i.t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.minted++
	unix := i.now.Unix()
	m := &token{t: i.t, signer: i.signer, now: i.now, header: map[string]any{"typ": "at+jwt"}, claims: map[string]any{
		"iss": URL, "aud": audience, "sub": "account", "client_id": "test", "jti": fmt.Sprintf("token-%d", i.minted), "sid": "session",
		"iat": unix, "nbf": unix, "exp": unix + int64(lifetime.Seconds()), "auth_time": unix - 60, "amr": []string{"pwd"}, "fresh": false, "rvs": i.feed.head,
	}}
	for _, change := range options {
		change(m)
	}
	return m.sign()
}

func (m *token) sign() string {
	m.t.Helper()
	header := map[string]any{"alg": m.signer.Algorithm(), "kid": m.signer.Kid()}
	maps.Copy(header, m.header)
	h, err := json.Marshal(header)
	if err != nil {
		m.t.Fatalf("mint token: %v", err)
	}
	c, err := json.Marshal(m.claims)
	if err != nil {
		m.t.Fatalf("mint token: %v", err)
	}
	input := jose.Encode(h) + "." + jose.Encode(c)
	signature, err := m.signer.Sign(input)
	if err != nil {
		m.t.Fatalf("mint token: %v", err)
	}
	return input + "." + jose.Encode(signature)
}
