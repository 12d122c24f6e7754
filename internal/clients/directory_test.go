package clients_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/clients"
)

func TestCreate(t *testing.T) {
	h := newHouse(t)
	c := service("orders")
	c.Policy.AccessTTL = time.Hour
	made, plain, err := h.Create(t.Context(), clients.Registration{Client: c}, start.Add(time.Microsecond))
	h.ok(err)
	if !regexp.MustCompile(`^pcs_[A-Za-z0-9_-]{43}$`).MatchString(plain.Reveal()) {
		t.Errorf("secret has another form (%d characters)", len(plain.Reveal()))
	}
	kept := h.client("orders")
	made.Revision = kept.Revision // of no client's making
	if diff := cmp.Diff(made, kept); diff != "" {
		t.Errorf("kept otherwise than answered: %s", diff)
	}
	h.opens("orders", []clients.Plain{plain, "", "pcs_"}, 0)
	if !slices.Equal(h.promised, []time.Duration{time.Hour}) {
		t.Errorf("promised %v", h.promised)
	}
	if _, _, err := h.Create(t.Context(), clients.Registration{Client: c}, start); !errors.Is(err, clients.ErrTaken) {
		t.Errorf("again: %v", err)
	}
}

func TestSecretsAreByChanceAndHashedUnderTheKey(t *testing.T) {
	h := newHouse(t)
	first, second := h.created(service("a")), h.created(service("b"))
	if first == second {
		t.Error("two clients have one secret")
	}
	if h.client("a").HasSecret(clients.Hash(clients.Key("another key of the server, 32 b."), first)) {
		t.Error("the hash does not depend on the key")
	}
	if text := fmt.Sprintf("%v %s %q %#v", first, first, first, first); strings.Contains(text, "pcs_") {
		t.Errorf("a secret prints as %s", text)
	}
}

func TestWhoGetsASecret(t *testing.T) {
	public := string(newKey(t, "ES256").PublicJWK())
	app, keyed := service("x"), service("x")
	app.Kind, app.Scopes, keyed.PublicKey = clients.App, nil, public
	tests := map[string]struct {
		in     clients.Registration
		secret bool
		fault  string
	}{
		"service":               {clients.Registration{Client: service("x")}, true, ""},
		"app":                   {clients.Registration{Client: app}, true, ""},
		"app in a browser":      {clients.Registration{Client: app, NoSecret: true}, false, ""},
		"service with a key":    {clients.Registration{Client: keyed}, false, ""},
		"service without proof": {clients.Registration{Client: service("x"), NoSecret: true}, false, "public"},
		"scopes for anybody":    {clients.Registration{Client: with(app, scopes("revocation:read")), NoSecret: true}, false, "scopes"},
		"scopes of its server":  {clients.Registration{Client: with(app, scopes("revocation:read", "events:read"))}, true, ""},
		"key and no proof":      {clients.Registration{Client: with(app, func(c *clients.Client) { c.PublicKey = public }), NoSecret: true}, false, "public"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			_, plain, err := h.Create(t.Context(), test.in, start)
			if got := fields(err); test.fault != strings.Join(got, " ") {
				t.Fatalf("faults %v (%v), want %q", got, err, test.fault)
			}
			if (plain != "") != test.secret {
				t.Errorf("got a secret: %v, want %v", plain != "", test.secret)
			}
			if err == nil && h.client("x").Public() != test.in.NoSecret {
				t.Errorf("public: %v", h.client("x").Public())
			}
		})
	}
}

func scopes(names ...string) func(*clients.Client) {
	return func(c *clients.Client) { c.Scopes = names }
}

// What the keys cannot promise must not be registered.
func TestCreateNeedsThePromise(t *testing.T) {
	h := newHouse(t)
	h.broken = errors.New("disk full")
	if _, _, err := h.Create(t.Context(), clients.Registration{Client: service("a")}, start); !errors.Is(err, h.broken) {
		t.Errorf("got %v", err)
	}
	if _, err := h.Store.Client(t.Context(), "a"); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("registered all the same: %v", err)
	}
}

func TestRotation(t *testing.T) {
	h := newHouse(t)
	all := []clients.Plain{h.created(service("a"))}
	rotate := func(after time.Duration) {
		t.Helper()
		plain, err := h.RotateSecret(t.Context(), "a", start.Add(after))
		h.ok(err)
		all = append(all, plain)
	}
	rotate(time.Hour)
	h.opens("a", all, 0, 1)
	// The answers of two rotations are lost: nobody has the secrets 1 and 2.
	rotate(2 * time.Hour)
	h.opens("a", all, 0, 1, 2)
	rotate(3 * time.Hour)
	h.opens("a", all, 0, 2, 3)
	rotate(3*time.Hour + clients.RepeatedWithin)
	h.opens("a", all, 3, 4)
	h.ok(h.DropOldSecret(t.Context(), "a", start))
	h.opens("a", all, 4)
}

func TestWhatHasNoSecretIsNotRotated(t *testing.T) {
	h := newHouse(t)
	keyed, app := service("keyed"), service("app")
	keyed.PublicKey, app.Kind, app.Scopes = string(newKey(t, "ES256").PublicJWK()), clients.App, nil
	h.created(keyed)
	_, _, err := h.Create(t.Context(), clients.Registration{Client: app, NoSecret: true}, start)
	h.ok(err)
	for id, want := range map[string]error{"keyed": clients.ErrNoSecret, "app": clients.ErrNoSecret, "nobody": clients.ErrNotFound} {
		if _, err := h.RotateSecret(t.Context(), id, start); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", id, err, want)
		}
	}
}

func TestStanding(t *testing.T) {
	h := newHouse(t)
	h.created(service("a"))
	h.ok(h.Disable(t.Context(), "a", start.Add(time.Hour)))
	if c := h.client("a"); !c.Disabled() || !c.DisabledAt.Equal(start.Add(time.Hour)) {
		t.Errorf("after disabling: %v", c.DisabledAt)
	}
	h.ok(h.Enable(t.Context(), "a", start))
	if h.client("a").Disabled() {
		t.Error("disabled after enabling")
	}
	h.ok(h.Delete(t.Context(), "a", start))
	if err := h.Delete(t.Context(), "a", start); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

// fields lists the fields at fault.
func fields(err error) (names []string) {
	var faults clients.Faults
	if errors.As(err, &faults) && errors.Is(err, clients.ErrInvalid) {
		for _, f := range faults {
			names = append(names, f.Field)
		}
	}
	return names
}

func with(c clients.Client, change func(*clients.Client)) clients.Client {
	change(&c)
	return c
}
