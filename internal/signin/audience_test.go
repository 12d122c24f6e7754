package signin_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/token"
)

const issuer = "https://auth.example.com"

// claim reads one claim of a token, whoever it is for.
func claim(t testing.TB, access token.Token, name string) any {
	t.Helper()
	parts, err := jose.Split(access.Reveal())
	must(t, err)
	payload, err := jose.Decode(parts.Payload)
	must(t, err)
	var all map[string]any
	must(t, json.Unmarshal(payload, &all))
	if list, ok := all[name].([]any); ok && len(list) == 1 {
		return list[0]
	}
	return all[name]
}

// TestAudiencesOfPeople: people may ask for every audience. An app that is
// registered with some gets those, Portaria's own and the issuer.
func TestAudiencesOfPeople(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	h.signUp(ana)
	bare := clients.Client{ID: "portal", Kind: clients.App}
	bound := clients.Client{ID: "portal", Kind: clients.App, Audiences: []string{"orders", "stock"}}
	third := clients.Client{ID: "portal", Kind: clients.App, Audiences: []string{"stock"}}
	for _, test := range []struct {
		client        clients.Client
		audience, aud string
		err           error
	}{
		{clients.Client{}, "", "shop", nil}, {clients.Client{}, "orders", "orders", nil},
		{clients.Client{}, issuer, issuer, nil}, {clients.Client{}, "strangers", "", token.ErrAudience},
		{bare, "", "shop", nil}, {bare, "orders", "orders", nil}, {bare, "shop", "shop", nil}, {bare, issuer, issuer, nil},
		{bound, "", "orders", nil}, {bound, "orders", "orders", nil}, {bound, "stock", "stock", nil},
		{bound, "shop", "shop", nil}, {bound, issuer, issuer, nil},
		{third, "orders", "", issue.ErrTarget}, {third, "strangers", "", issue.ErrTarget},
	} {
		got, err := h.Password(t.Context(), ana, typed(t, first), issue.Request{Client: test.client, Audience: test.audience}, use(0))
		if !errors.Is(err, test.err) {
			t.Errorf("%v for %q: %v, want %v", test.client.Audiences, test.audience, err, test.err)
		}
		if err == nil && claim(t, got.Access, "aud") != test.aud {
			t.Errorf("%v for %q: got one for %v", test.client.Audiences, test.audience, claim(t, got.Access, "aud"))
		}
	}
}

// TestAudiencesOfServices: a token with powers over Portaria is for the issuer
// alone, and has no other scope.
func TestAudiencesOfServices(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	list := func(names ...string) []string { return names }
	const power = "events:read"
	for _, test := range []struct {
		audiences, scopes []string
		audience, asked   string
		aud, scope        string
		err               error
	}{
		// A service with audiences of its own.
		{list("orders", "stock"), list("a"), "", "", "orders", "a", nil},
		{list("orders", "stock"), list("a"), "stock", "a", "stock", "a", nil},
		{list("orders"), list("a"), "shop", "", "", "", issue.ErrTarget},
		{list("orders"), list("a"), "stock", "", "", "", issue.ErrTarget},
		{list("orders"), list("a"), issuer, "", "", "", issue.ErrTarget},
		// One without.
		{nil, list("a"), "", "", "shop", "a", nil},
		{nil, list("a"), "shop", "", "shop", "a", nil},
		{nil, list("a"), "orders", "", "", "", issue.ErrTarget},
		{nil, list("a"), issuer, "", "", "", issue.ErrTarget},
		{nil, nil, "", "", "shop", "", nil},
		// Powers alone.
		{nil, list(power), "", "", issuer, power, nil},
		{nil, list(power), "shop", "", "shop", "", nil},
		{list("orders"), list(power), "", "", "orders", "", nil},
		{list("orders"), list(power), "", power, issuer, power, nil},
		{list("orders"), list(power), issuer, "", issuer, power, nil},
		// Powers and other scopes.
		{nil, list(power, "a"), "", "", "shop", "a", nil},
		{nil, list(power, "a"), "", power, issuer, power, nil},
		{nil, list(power, "a"), "", "a", "shop", "a", nil},
		{nil, list(power, "a"), "", "a " + power, "", "", issue.ErrPower},
		{nil, list(power, "a"), issuer, "", issuer, power, nil},
		{nil, list(power, "a"), issuer, "a", "", "", issue.ErrPower},
		{nil, list(power, "a"), "shop", power, "", "", issue.ErrPower},
		// A name that is asked for twice is granted once.
		{nil, list("a", "b"), "", "b a b", "shop", "b a", nil},
	} {
		w := service(func(c *clients.Client) { c.Audiences, c.Scopes = test.audiences, test.scopes })
		w.Audience = test.audience
		got, err := h.ClientCredentials(t.Context(), w, test.asked, start)
		if !errors.Is(err, test.err) || got.Scope != test.scope {
			t.Errorf("%+v: scope %q, %v", test, got.Scope, err)
		}
		if err != nil {
			continue
		}
		if aud := claim(t, got.Access, "aud"); aud != test.aud {
			t.Errorf("%+v: for %v", test, aud)
		}
		if scope, _ := claim(t, got.Access, "scope").(string); scope != test.scope || claim(t, got.Access, "sub") != "billing" || claim(t, got.Access, "client_id") != "billing" {
			t.Errorf("%+v: scope %q", test, scope)
		}
	}
	keyed := service(func(c *clients.Client) { c.Secrets, c.PublicKey = nil, "{}" })
	if _, err := h.ClientCredentials(t.Context(), keyed, "", start); err != nil {
		t.Errorf("a service with a key: %v", err)
	}
	wide := service(func(c *clients.Client) { c.Audiences = []string{endless} })
	if _, err := h.ClientCredentials(t.Context(), wide, "", start); !errors.Is(err, token.ErrTooLarge) || !errors.Is(err, issue.ErrScope) {
		t.Errorf("a token that is too large: %v", err)
	}
}

// TestAudienceOfTheSignIn is that of refreshes and step-ups that name none.
func TestAudienceOfTheSignIn(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	h.signUp(ana)
	got, err := h.Password(t.Context(), ana, typed(t, first), issue.Request{Audience: "orders"}, use(0))
	must(t, err)
	for i, test := range []struct{ request, aud string }{{"", "orders"}, {"shop", "shop"}, {"", "orders"}} {
		got, _, err = h.Refresh(t.Context(), got.Refresh, issue.Request{Audience: test.request}, use(time.Duration(i+1)*time.Hour))
		must(t, err)
		if aud := claim(t, got.Access, "aud"); aud != test.aud {
			t.Errorf("refresh for %q: a token for %v", test.request, aud)
		}
	}
	for request, want := range map[string]string{"": "orders", "stock": "stock"} {
		up, err := h.StepUp(t.Context(), h.sessionOf(got), typed(t, first), issue.Request{Audience: request}, start.Add(4*time.Hour))
		must(t, err)
		if aud := claim(t, up.Access, "aud"); aud != want {
			t.Errorf("step-up for %q: a token for %v", request, aud)
		}
	}
	// The app may have lost the audience since.
	bound := issue.Request{Client: clients.Client{ID: "portal", Kind: clients.App}}
	asked := bound
	asked.Audience = "orders"
	got, err = h.Password(t.Context(), ana, typed(t, first), asked, use(0))
	must(t, err)
	bound.Client.Audiences = []string{"stock"}
	if _, _, err := h.Refresh(t.Context(), got.Refresh, bound, use(time.Hour)); !errors.Is(err, issue.ErrTarget) {
		t.Errorf("refresh for an audience that the app has lost: %v", err)
	}
	bound.Client.Audiences = nil
	_, _, err = h.Refresh(t.Context(), got.Refresh, bound, use(2*time.Hour))
	must(t, err) // nothing was spent
}

func TestUnknownAudiences(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	got := h.Unknown(t.Context(), []string{"shop", "strangers", "orders", "locked", "others"}, start)
	if !slices.Equal(got, []string{"strangers", "others"}) {
		t.Errorf("unknown are %v", got)
	}
}

// list is a store of clients, one of which cannot be read.
type list map[string]clients.Client

var errStore = errors.New("no store")

func (l list) Client(_ context.Context, id string) (clients.Client, error) {
	if id == "unreadable" || id == issue.ClientID {
		return clients.Client{}, errStore
	}
	c, ok := l[id]
	if !ok {
		return clients.Client{}, clients.ErrNotFound
	}
	return c, nil
}

// TestRegisteredAudiences: usable services are audiences, and nothing else is.
func TestRegisteredAudiences(t *testing.T) {
	sealing, err := jose.Generate("ECDH-ES")
	must(t, err)
	find := issue.Registered(list{
		"plain":  {ID: "plain", Kind: clients.Service, Profile: "jwt"},
		"sealed": {ID: "sealed", Kind: clients.Service, EncryptionKey: string(sealing.PublicJWK())},
		"broken": {ID: "broken", Kind: clients.Service, EncryptionKey: "{"},
		"app":    {ID: "app", Kind: clients.App},
		"closed": {ID: "closed", Kind: clients.Service, DisabledAt: start},
	})
	for _, id := range []string{"app", "closed", "unknown", issue.ClientID, "no id"} {
		if _, err := find(t.Context(), id); !errors.Is(err, token.ErrAudience) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if _, err := find(t.Context(), "unreadable"); !errors.Is(err, errStore) || errors.Is(err, token.ErrAudience) {
		t.Errorf("a store that fails: %v", err)
	}
	if _, err := find(t.Context(), "broken"); err == nil || errors.Is(err, token.ErrAudience) {
		t.Errorf("a key that cannot be read: %v", err)
	}
	if got, err := find(t.Context(), "plain"); err != nil || got.Profile != token.PlainJWT || got.EncryptTo != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := find(t.Context(), "sealed"); err != nil || got.EncryptTo == nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestTermsOfClients: how long tokens and sessions of a client live.
func TestTermsOfClients(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	h.signUp(ana)
	for name, test := range map[string]struct {
		policy                 clients.Policy
		access, idle, absolute time.Duration
	}{
		"default":    {clients.Policy{}, 15 * time.Minute, week.Idle, week.Absolute},
		"its own":    {clients.Policy{AccessTTL: time.Minute, Idle: time.Hour, Absolute: 2 * time.Hour}, time.Minute, time.Hour, 2 * time.Hour},
		"too long":   {clients.Policy{AccessTTL: 2 * time.Hour}, time.Hour, week.Idle, week.Absolute},
		"no refresh": {clients.Policy{AccessTTL: 30 * time.Minute, NoRefresh: true}, 30 * time.Minute, 30 * time.Minute, 30 * time.Minute},
	} {
		portal := clients.Client{ID: "portal", Kind: clients.App, Policy: test.policy}
		got, err := h.Password(t.Context(), ana, typed(t, first), issue.Request{Client: portal}, use(0))
		must(t, err)
		s := h.sessionOf(got)
		if got.ExpiresIn.Round(time.Second) != test.access || !s.ExpiresAt.Equal(start.Add(test.idle)) || !s.AbsoluteExpiry.Equal(start.Add(test.absolute)) {
			t.Errorf("%s: token %v, idle %v, absolute %v", name, got.ExpiresIn, s.ExpiresAt.Sub(start), s.AbsoluteExpiry.Sub(start))
		}
		if none := test.policy.NoRefresh; (got.Refresh == "") != none || (got.RefreshExpiresIn == 0) != none {
			t.Errorf("%s: a refresh token for %v", name, got.RefreshExpiresIn)
		}
		if !test.policy.NoRefresh && got.RefreshExpiresIn != test.idle {
			t.Errorf("%s: refresh expires in %v", name, got.RefreshExpiresIn)
		}
		if s.ClientID != "portal" || claim(t, got.Access, "client_id") != "portal" {
			t.Errorf("%s: session of %q", name, s.ClientID)
		}
	}
}

// TestRefreshRetryIsBounded by the lifetime of access tokens; the client's own
// setting counts before that of all.
func TestRefreshRetryIsBounded(t *testing.T) {
	for name, test := range map[string]struct {
		all    time.Duration
		client *clients.Policy
		want   time.Duration // how long a spent token returns its successor
	}{
		"the setting":               {2 * time.Minute, nil, 2 * time.Minute},
		"longer than a token":       {time.Hour, nil, 15 * time.Minute},
		"a client's":                {2 * time.Minute, &clients.Policy{RefreshRetry: 5 * time.Minute}, 5 * time.Minute},
		"a client without its own":  {2 * time.Minute, &clients.Policy{}, 2 * time.Minute},
		"longer than its own token": {time.Hour, &clients.Policy{AccessTTL: time.Minute, RefreshRetry: time.Hour}, time.Minute},
	} {
		h := openWith(t, cost(8, 1), nil, week, func(c *parts) { c.Policy.RefreshRetry = test.all })
		h.signUp(ana)
		var w issue.Request
		if test.client != nil {
			w.Client = clients.Client{ID: "portal", Kind: clients.App, Policy: *test.client}
		}
		got, err := h.Password(t.Context(), ana, typed(t, first), w, use(0))
		must(t, err)
		next, _, err := h.Refresh(t.Context(), got.Refresh, w, use(time.Minute))
		must(t, err)
		again, _, err := h.Refresh(t.Context(), got.Refresh, w, use(time.Minute+test.want-time.Millisecond))
		if err != nil || again.Refresh != next.Refresh {
			t.Errorf("%s: a millisecond before the end: %v", name, err)
		}
		if _, _, err := h.Refresh(t.Context(), got.Refresh, w, use(time.Minute+test.want)); !errors.Is(err, session.ErrReused) {
			t.Errorf("%s: at the end: %v", name, err)
		}
	}
}

// TestRotationIsOffForProvedClients: a public client rotates whatever its policy
// says.
func TestRotationIsOffForProvedClients(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	h.signUp(ana)
	for _, proved := range []bool{true, false} {
		w := issue.Request{Client: clients.Client{ID: "portal", Kind: clients.App, Policy: clients.Policy{NoRotation: true}}}
		if proved {
			w.Client.Secrets = make([]clients.Secret, 1)
		}
		got, err := h.Password(t.Context(), ana, typed(t, first), w, use(0))
		must(t, err)
		next, _, err := h.Refresh(t.Context(), got.Refresh, w, use(time.Hour))
		if err != nil || (next.Refresh == got.Refresh) != proved {
			t.Errorf("proved %v: kept its token %v, %v", proved, next.Refresh == got.Refresh, err)
		}
	}
}
