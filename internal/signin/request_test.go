package signin_test

import (
	"errors"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/token"
)

func service(change func(*clients.Client)) issue.Request {
	c := clients.Client{ID: "billing", Kind: clients.Service, Secrets: make([]clients.Secret, 1), Scopes: []string{"a", "b"}}
	change(&c)
	return issue.Request{Client: c}
}

func TestServiceLifetimes(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	for ttl, want := range map[time.Duration]time.Duration{
		0: 15 * time.Minute, time.Second: time.Second, time.Hour: time.Hour,
		2 * time.Hour: time.Hour, // no longer than the key is published
	} {
		got, err := h.ClientCredentials(t.Context(), service(func(c *clients.Client) { c.Policy.AccessTTL = ttl }), "", start)
		if err != nil || got.ExpiresIn != want || got.Scope != "a b" {
			t.Errorf("%v: %+v, %v", ttl, got, err)
		}
	}
}

func TestWhoMayAskInHisOwnName(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	refuse := func(what string, w issue.Request, scope string, want error) {
		t.Helper()
		if got, err := h.ClientCredentials(t.Context(), w, scope, start); !errors.Is(err, want) || got.Access != "" {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	refuse("Portaria itself", issue.Request{}, "", issue.ErrGrantRefused)
	refuse("an app", service(func(c *clients.Client) { c.Kind = clients.App }), "", issue.ErrGrantRefused)
	refuse("a service that proves nothing", service(func(c *clients.Client) { c.Secrets = nil }), "", issue.ErrGrantRefused)
	for _, scope := range []string{"c", "a c", " ", "a  b", " a", "A"} {
		refuse("scope "+scope, service(func(*clients.Client) {}), scope, issue.ErrScope)
	}
	strangers := service(func(*clients.Client) {})
	strangers.Audience = "orders" // which there is, but not for this client
	refuse("another's audience", strangers, "", token.ErrAudience)
}

// TestNoRefreshFromNowOn: the policy of a client that once gave refresh tokens.
func TestNoRefreshFromNowOn(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	h.signUp(ana)
	kiosk := issue.Request{Client: clients.Client{ID: "kiosk", Kind: clients.App}}
	got, err := h.Password(t.Context(), ana, typed(t, first), kiosk, use(0))
	must(t, err)
	strict := kiosk
	strict.Client.Policy.NoRefresh = true
	if _, _, err := h.Refresh(t.Context(), got.Refresh, strict, use(time.Minute)); !errors.Is(err, session.ErrTokenInvalid) {
		t.Errorf("got %v", err)
	}
	_, _, err = h.Refresh(t.Context(), got.Refresh, kiosk, use(time.Hour))
	must(t, err) // it spent nothing
}

// TestGrantsOfAnApp: a client may lose a grant while people are signed in with it.
func TestGrantsOfAnApp(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	h.signUp(ana)
	shop := issue.Request{Client: clients.Client{ID: "shop", Kind: clients.App}}
	got, err := h.Password(t.Context(), ana, typed(t, first), shop, use(0))
	must(t, err)
	in, err := h.store.Session(t.Context(), got.SessionID)
	must(t, err)
	with := func(grants ...string) issue.Request {
		w := shop
		w.Client.Grants = grants
		return w
	}
	if tokens, err := h.StepUp(t.Context(), in, typed(t, first), with("refresh_token"), start); !errors.Is(err, issue.ErrGrantRefused) || tokens.Access != "" {
		t.Errorf("step-up: %v", err)
	}
	if _, err := h.Password(t.Context(), ana, typed(t, first), with("refresh_token"), use(0)); !errors.Is(err, issue.ErrGrantRefused) {
		t.Errorf("sign-in: %v", err)
	}
	if _, _, err := h.Refresh(t.Context(), got.Refresh, with("password"), use(time.Minute)); !errors.Is(err, issue.ErrGrantRefused) {
		t.Errorf("refresh: %v", err)
	}
	_, _, err = h.Refresh(t.Context(), got.Refresh, with("refresh_token"), use(time.Hour))
	must(t, err) // nothing was spent
}
