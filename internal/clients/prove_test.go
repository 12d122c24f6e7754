package clients_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/store"
	"github.com/portaria/portaria/internal/store/sqlstore"
)

// These tests prove clients on the real embedded store.

const (
	issuer   = "https://auth.example.com"
	endpoint = issuer + "/oauth2/token"
)

// desk is where clients prove who they are.
type desk struct {
	*testing.T
	*clients.Prover
	store *sqlstore.Store
}

func openDesk(t *testing.T) desk {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), "sqlite:"+t.TempDir()+"/test.db", sqlstore.Options{})
	must(t, err)
	t.Cleanup(func() { _ = store.Close() })
	return desk{t, clients.NewProver(store, key, issuer, endpoint), store}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func hashed(text string) clients.Secret {
	return clients.Secret{Hash: clients.Hash(key, clients.Plain(text)), CreatedAt: start}
}

func (d desk) register(c clients.Client) {
	d.Helper()
	c.Name, c.CreatedAt = c.ID, start
	must(d.T, d.store.CreateClient(d.Context(), c))
}

func (d desk) admit(s clients.Shown, id string) {
	d.Helper()
	c, err := d.Prove(d.Context(), s, start)
	if err != nil || c.ID != id {
		d.Errorf("%s: got %q, %v", s.ClientID, c.ID, err)
	}
}

func (d desk) refuse(what string, s clients.Shown) {
	d.Helper()
	c, err := d.Prove(d.Context(), s, start)
	if !errors.Is(err, clients.ErrNotProved) || c.ID != "" {
		d.Errorf("%s: got %q, %v; want ErrNotProved", what, c.ID, err)
	}
}

func TestSecret(t *testing.T) {
	d := openDesk(t)
	long := strings.Repeat("s", 257)
	d.register(clients.Client{ID: "orders", Kind: clients.Service, Secrets: []clients.Secret{hashed("new secret")}})
	must(t, d.store.AddSecret(t.Context(), "orders", hashed("newest secret")))
	d.register(clients.Client{ID: "payroll", Kind: clients.Service, Secrets: []clients.Secret{hashed("its own secret")}})
	d.register(clients.Client{ID: "long", Kind: clients.Service, Secrets: []clients.Secret{hashed(long)}})
	d.register(clients.Client{ID: "bare", Kind: clients.Service})
	d.register(clients.Client{ID: "web", Kind: clients.App})

	d.admit(clients.Shown{ClientID: "orders", Secret: "newest secret"}, "orders")
	d.admit(clients.Shown{ClientID: "orders", Secret: "new secret"}, "orders") // while it is being replaced
	d.admit(clients.Shown{ClientID: "web"}, "web")

	d.refuse("another's secret", clients.Shown{ClientID: "orders", Secret: "its own secret"})
	d.refuse("a prefix", clients.Shown{ClientID: "orders", Secret: "new secre"})
	d.refuse("no secret", clients.Shown{ClientID: "orders"})
	d.refuse("nothing at all", clients.Shown{})
	d.refuse("no name", clients.Shown{Secret: "new secret"})
	d.refuse("unknown", clients.Shown{ClientID: "nobody", Secret: "new secret"})
	d.refuse("unknown and public", clients.Shown{ClientID: "nobody"})
	d.refuse("NUL in the name", clients.Shown{ClientID: "orders\x00", Secret: "new secret"})
	d.refuse("a name that is no text", clients.Shown{ClientID: "\xff", Secret: "new secret"})
	d.refuse("a long name", clients.Shown{ClientID: strings.Repeat("o", 1<<20), Secret: "new secret"})
	d.refuse("a long secret", clients.Shown{ClientID: "long", Secret: clients.Plain(long)})
	d.refuse("a service without credentials", clients.Shown{ClientID: "bare"})
	d.refuse("a secret where there is none", clients.Shown{ClientID: "bare", Secret: "new secret"})
	d.refuse("a secret of a public client", clients.Shown{ClientID: "web", Secret: "new secret"})

	must(t, d.store.DropSecrets(t.Context(), "orders", start))
	d.refuse("a secret that was replaced", clients.Shown{ClientID: "orders", Secret: "new secret"})
	must(t, d.store.DisableClient(t.Context(), "orders", start))
	d.refuse("disabled", clients.Shown{ClientID: "orders", Secret: "newest secret"})
	must(t, d.store.DisableClient(t.Context(), "web", start))
	d.refuse("disabled and public", clients.Shown{ClientID: "web"})
}

func TestUsable(t *testing.T) {
	d := openDesk(t)
	d.register(clients.Client{ID: "orders", Kind: clients.Service})
	if c, err := d.Usable(t.Context(), "orders"); err != nil || c.ID != "orders" {
		t.Errorf("got %q, %v", c.ID, err)
	}
	must(t, d.store.DisableClient(t.Context(), "orders", start))
	for _, id := range []string{"orders", "nobody", "", "\x00"} {
		if c, err := d.Usable(t.Context(), id); !errors.Is(err, clients.ErrNotAllowed) || c.ID != "" {
			t.Errorf("%q: got %q, %v; want ErrNotAllowed", id, c.ID, err)
		}
	}
}

// shy is a store that is asked for possible ids alone.
type shy struct {
	*testing.T
	*sqlstore.Store
}

func (s shy) Client(ctx context.Context, id string) (clients.Client, error) {
	if !clients.IsID(id) {
		s.Errorf("the store was asked for %q", id)
	}
	return s.Store.Client(ctx, id)
}

// TestImpossibleIDs: to a database some of them are an error, which would tell
// them apart from the unknown.
func TestImpossibleIDs(t *testing.T) {
	d := openDesk(t)
	p := clients.NewProver(shy{t, d.store}, key)
	for _, id := range []string{"", "\x00", "\xff", "ORDERS", "orders\n", strings.Repeat("o", 1<<20)} {
		if _, err := p.Prove(t.Context(), clients.Shown{ClientID: id, Secret: "x"}, start); !errors.Is(err, clients.ErrNotProved) {
			t.Errorf("%q: %v", id, err)
		}
		if _, err := p.Usable(t.Context(), id); !errors.Is(err, clients.ErrNotAllowed) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// down is a store that cannot answer.
type down struct{ clients.ProofStore }

func (down) Client(context.Context, string) (clients.Client, error) {
	return clients.Client{}, store.ErrUnavailable
}

// TestStoreDown: a store that cannot answer is not a wrong secret, or clients
// would throw theirs away.
func TestStoreDown(t *testing.T) {
	k := generate(t, jose.ES256)
	p := clients.NewProver(down{}, key, issuer)
	for _, s := range []clients.Shown{{ClientID: "orders", Secret: "x"}, {ClientID: "orders"}, {Assertion: compact(t, k, headerOf(k), good())}} {
		if _, err := p.Prove(t.Context(), s, start); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, clients.ErrNotProved) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := p.Usable(t.Context(), "orders"); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, clients.ErrNotAllowed) {
		t.Errorf("got %v", err)
	}
}
