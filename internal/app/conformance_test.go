package app_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/verify"
)

// everywhere is all that decides about tokens: services that follow the log,
// those that follow a relay, those that begin afterwards, introspection, the
// service's own routes, and streams that are open.
type everywhere struct {
	keyless bool // a killed key may leave none until the next is published: 503
	*testing.T
	issuer  *apptest.App
	reader  string // secret of the client that follows
	service *verify.Verifier
	relayed *verify.Verifier
}

const readerID = "reader"

func newEverywhere(t *testing.T, options ...apptest.Option) *everywhere {
	t.Helper()
	e := &everywhere{T: t, issuer: apptest.Start(t, options...)}
	made, err := e.issuer.Admin().CreateClient(t.Context(), api.NewClient{ClientDescription: api.ClientDescription{
		ID: readerID, Kind: "service", Scopes: []string{api.RevocationReadScope, api.IntrospectionScope}}})
	if err != nil {
		t.Fatal(err)
	}
	e.reader = made.ClientSecret
	e.service = e.verifier(e.issuer.URL)
	mux := http.NewServeMux()
	mux.Handle("/rev/v1/", e.service.Feed())
	behind, err := url.Parse(e.issuer.URL)
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/", httputil.NewSingleHostReverseProxy(behind))
	relay := httptest.NewServer(mux)
	t.Cleanup(relay.Close)
	e.relayed = e.verifier(relay.URL)
	return e
}

// verifier follows the issuer through an address, and is there when it does.
func (e *everywhere) verifier(through string) *verify.Verifier {
	e.Helper()
	at, err := url.Parse(through)
	if err != nil {
		e.Fatal(err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, at.Host)
	}}
	e.Cleanup(transport.CloseIdleConnections)
	v, err := verify.New(e.Context(), verify.Config{Issuer: e.issuer.URL, Audience: "portaria", Now: e.issuer.Clock.Now,
		HTTPClient: &http.Client{Transport: transport}, ClientID: readerID, ClientSecret: verify.Secret(e.reader)})
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(v.Close)
	e.eventually("the verifier follows", func() bool { return v.Stats().Feed == verify.FeedCurrent })
	return v
}

// eventually waits for what another goroutine is about to do.
func (e *everywhere) eventually(what string, is func() bool) {
	e.Helper()
	e.within(10*time.Second, what, is)
}

func (e *everywhere) within(limit time.Duration, what string, is func() bool) {
	e.Helper()
	ticks := time.NewTicker(2 * time.Millisecond)
	defer ticks.Stop()
	deadline := time.After(limit)
	for !is() {
		select {
		case <-ticks.C:
		case <-deadline:
			e.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// believers answers by name who accepts a token now.
func (e *everywhere) believers(token string) map[string]bool {
	e.Helper()
	accepts := func(v *verify.Verifier) bool {
		_, err := v.Verify(e.Context(), token)
		if err != nil && !errors.Is(err, verify.ErrRevoked) && !errors.Is(err, verify.ErrKey) && !(e.keyless && errors.Is(err, verify.ErrUnavailable)) {
			e.Errorf("refused for another reason: %v", err)
		}
		return err == nil
	}
	seen, err := e.issuer.AsClient(readerID, e.reader).Introspect(e.Context(), token)
	if err != nil {
		e.Error(err)
	}
	_, refused := e.issuer.WithToken(token).Sessions(e.Context(), api.Page{})
	return map[string]bool{
		"a service":        accepts(e.service),
		"one at a relay":   accepts(e.relayed),
		"introspection":    seen.Active,
		"Portaria's route": refused == nil || client.Code(refused) == "session_required",
	}
}

func (e *everywhere) all(token string, accept bool) bool {
	for _, accepts := range e.believers(token) {
		if accepts != accept {
			return false
		}
	}
	return true
}

// TestEveryKindIsRefusedEverywhere: whatever a rule is about, everybody who
// decides about tokens refuses those in its scope, and those alone.
func TestEveryKindIsRefusedEverywhere(t *testing.T) {
	for kind, target := range map[string]func(person) api.Target{
		"token":             func(p person) api.Target { return api.Target{Token: p.claims.ID()} },
		"session":           func(p person) api.Target { return api.Target{Session: p.claims.SessionID()} },
		"account":           func(p person) api.Target { return api.Target{Account: p.claims.Subject()} },
		"account at client": func(p person) api.Target { return api.Target{Account: p.claims.Subject(), Client: p.claims.ClientID()} },
		"client":            func(p person) api.Target { return api.Target{Client: p.claims.ClientID()} },
		"key":               func(p person) api.Target { return api.Target{Key: kidOf(t, p.token)} },
		"issuer":            func(person) api.Target { return api.Target{Issuer: true} },
	} {
		for _, mode := range []string{"hard", "soft"} {
			if kind == "key" && mode == "soft" {
				continue // there is no going on with a key that others have
			}
			t.Run(kind+", "+mode, func(t *testing.T) {
				e := newEverywhere(t)
				e.keyless = kind == "key"
				ana, ben := e.signUp("ana"), e.signUp("ben")
				e.eventually("both are accepted everywhere", func() bool { return e.all(ana.token, true) && e.all(ben.token, true) })
				stream, stop := e.service.Watch(t.Context(), ana.claims)
				defer stop()

				if _, err := e.issuer.Admin().Revoke(t.Context(), api.Revoke{Target: target(ana), Mode: mode}, 0); err != nil {
					t.Fatal(err)
				}
				e.eventually("ana's token is refused everywhere", func() bool { return e.all(ana.token, false) })
				<-stream.Done()
				if cause := context.Cause(stream); !errors.Is(cause, verify.ErrRevoked) {
					t.Errorf("the stream ended with %v", cause)
				}
				if _, err := e.verifier(e.issuer.URL).Verify(t.Context(), ana.token); !errors.Is(err, verify.ErrRevoked) && !errors.Is(err, verify.ErrKey) && !(e.keyless && errors.Is(err, verify.ErrUnavailable)) {
					t.Errorf("a service that began afterwards: %v", err)
				}
				if wide := kind == "client" || kind == "key" || kind == "issuer"; e.all(ben.token, wide) {
					t.Errorf("ben: %v", e.believers(ben.token))
				}
				again := e.signIn("ana")
				e.eventually("a token that is newer than the rule is accepted", func() bool { return e.all(again.token, true) })
			})
		}
	}
}

// person is somebody who is signed in.
type person struct {
	token  string
	claims verify.Claims
}

func (e *everywhere) signUp(identifier string) person {
	e.Helper()
	e.issuer.SignUp(identifier)
	return e.signIn(identifier)
}

func (e *everywhere) signIn(identifier string) person {
	e.Helper()
	token := e.issuer.SignIn(identifier).AccessToken
	var claims verify.Claims
	e.eventually("the key is known", func() bool {
		var err error
		claims, err = e.service.Verify(e.Context(), token)
		return err == nil
	})
	return person{token, claims}
}

// TestRootEndsTheTree: when a session ends, the tokens of the sessions that came from
// it are refused by all who decide, through the one rule about it, and their refresh
// tokens are of no use. Another tree of the same account goes on.
func TestRootEndsTheTree(t *testing.T) {
	for name, end := range map[string]func(e *everywhere, top api.Tokens) error{
		"signed out": func(e *everywhere, top api.Tokens) error {
			return e.issuer.As(top).Logout(e.Context())
		},
		"revoked": func(e *everywhere, top api.Tokens) error {
			_, err := e.issuer.Admin().Revoke(e.Context(), api.Revoke{Target: api.Target{Session: top.SessionID}}, 0)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEverywhere(t)
			_, top := e.issuer.SignUp("ana")
			child, other := e.issuer.SignInFrom(top), e.issuer.SignIn("ana")
			refreshed, err := e.issuer.Client.Refresh(t.Context(), child.RefreshToken)
			if err != nil {
				t.Fatal(err)
			}
			for _, access := range []string{child.AccessToken, refreshed.AccessToken} {
				claims, err := e.service.Verify(t.Context(), access)
				if err != nil || claims.SessionID() != child.SessionID || claims.Root() != top.SessionID || claims.ACR() != "aal1" {
					t.Fatalf("session %q, root %q, acr %q, %v", claims.SessionID(), claims.Root(), claims.ACR(), err)
				}
			}
			seen, err := e.issuer.AsClient(readerID, e.reader).Introspect(t.Context(), child.AccessToken)
			if err != nil || seen.Root != top.SessionID || seen.ACR != "aal1" {
				t.Errorf("introspection: %+v, %v", seen, err)
			}
			e.eventually("both are accepted everywhere", func() bool { return e.all(child.AccessToken, true) && e.all(other.AccessToken, true) })
			listed, err := e.issuer.As(top).Sessions(t.Context(), api.Page{})
			if err != nil || len(listed.Sessions) != 3 || !slices.ContainsFunc(listed.Sessions, func(s api.Session) bool {
				return s.ID == child.SessionID && s.Parent == top.SessionID
			}) {
				t.Errorf("sessions %+v, %v", listed, err)
			}

			rules := e.service.Stats().Rules
			if err := end(e, top); err != nil {
				t.Fatal(err)
			}
			e.eventually("the child's token is refused everywhere", func() bool { return e.all(child.AccessToken, false) })
			e.eventually("the top's as well", func() bool { return e.all(top.AccessToken, false) })
			if !e.all(other.AccessToken, true) {
				t.Errorf("another tree: %v", e.believers(other.AccessToken))
			}
			if got := e.service.Stats().Rules - rules; got != 1 {
				t.Errorf("%d rules, want one for the tree", got)
			}
			if _, err := e.issuer.Client.Refresh(t.Context(), refreshed.RefreshToken); err == nil {
				t.Error("the child refreshes after its root has ended")
			}
		})
	}
}
