package clients_test

import (
	"cmp"
	"context"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/store/sqlstore"
)

var (
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	key   = clients.Key("0123456789abcdef0123456789abcdef")
)

// house is a Directory on a real store, with the verbs of its tests.
type house struct {
	*testing.T
	*clients.Directory
	// promised are the lifetimes that were promised.
	promised []time.Duration
	// broken is what promising fails with.
	broken error
}

func newHouse(t *testing.T) *house {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "portaria.db"), sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	h := &house{T: t}
	h.Directory = clients.NewDirectory(clients.Config{Store: store, Key: key,
		Promise: func(_ context.Context, ttl time.Duration) error {
			h.promised = append(h.promised, ttl)
			return h.broken
		},
		Settled: func(audience string) bool { return audience == "settled" }})
	return h
}

func (h *house) created(c clients.Client) clients.Plain {
	h.Helper()
	_, plain, err := h.Create(h.Context(), clients.Registration{Client: c}, start)
	h.ok(err)
	return plain
}

func (h *house) client(id string) clients.Client {
	h.Helper()
	c, err := h.Store.Client(h.Context(), id)
	h.ok(err)
	return c
}

func (h *house) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// opens expects these secrets to be the client's, and no others of all.
func (h *house) opens(id string, all []clients.Plain, want ...int) {
	h.Helper()
	c := h.client(id)
	var got []int
	for i, plain := range all {
		if c.HasSecret(clients.Hash(key, plain)) {
			got = append(got, i)
		}
	}
	if !slices.Equal(got, want) {
		h.Fatalf("secrets %v open %s, want %v", got, id, want)
	}
}

// described lists the clients that are configured, or were, as id=state.
func (h *house) standings() []string {
	h.Helper()
	all := map[string]string{}
	for c, err := range h.All(h.Context()) {
		h.ok(err)
		state := "usable"
		if c.Disabled() {
			state = "disabled"
		}
		if c.Configured {
			state += " by settings"
		}
		all[c.ID] = c.ID + ": " + state
	}
	return slices.SortedFunc(maps.Values(all), cmp.Compare)
}

func service(id string) clients.Client {
	return clients.Client{ID: id, Name: "Orders", Kind: clients.Service, Audiences: []string{"stock"}, Scopes: []string{"stock:read"}}
}
