package clients_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/clients"
)

const fileSecret = clients.Plain("0123456789abcdefghijklmnopqrstuv")

// describes brings the house to the settings.
func (h *house) describes(list ...clients.Described) (withdrawn []string) {
	h.Helper()
	withdrawn, err := h.Describe(h.Context(), list, start)
	h.ok(err)
	return withdrawn
}

func (h *house) stands(want ...string) {
	h.Helper()
	if diff := cmp.Diff(want, h.standings()); diff != "" {
		h.Fatalf("(-want +got)\n%s", diff)
	}
}

func TestDescribe(t *testing.T) {
	h := newHouse(t)
	h.created(service("mine"))
	orders, stock := clients.Described{Client: service("orders")}, clients.Described{Client: service("stock"), Secret: fileSecret}
	for range 2 {
		if gone := h.describes(orders, stock); gone != nil {
			t.Fatalf("withdrawn %v", gone)
		}
		h.stands("mine: usable", "orders: usable by settings", "stock: usable by settings")
	}
	if gone := h.describes(stock); !slices.Equal(gone, []string{"orders"}) {
		t.Fatalf("withdrawn %v", gone)
	}
	h.stands("mine: usable", "orders: disabled", "stock: usable by settings")
	if gone := h.describes(stock); gone != nil {
		t.Fatalf("withdrawn again: %v", gone)
	}
	h.describes(orders, stock)
	h.stands("mine: usable", "orders: usable by settings", "stock: usable by settings")
}

// TestABadDescriptionChangesNothing: a running service keeps its clients when its
// settings are reloaded with a mistake.
func TestABadDescriptionChangesNothing(t *testing.T) {
	h := newHouse(t)
	orders, settled := clients.Described{Client: service("orders")}, clients.Described{Client: service("settled")}
	settled.Profile = "jwt"
	h.describes(orders)
	for name, bad := range map[string]func() clients.Described{
		"no kind":                     func() clients.Described { return clients.Described{Client: clients.Client{ID: "x"}} },
		"an audience of the settings": func() clients.Described { return settled },
		"too long a lifetime": func() clients.Described {
			h.broken = clients.Faults{{Field: "access_ttl"}}
			return clients.Described{Client: service("x")}
		},
	} {
		_, err := h.Describe(t.Context(), []clients.Described{{Client: service("new")}, bad()}, start)
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
		h.broken = nil
		h.stands("orders: usable by settings")
	}
}

func TestAnAdministratorsBanSurvivesTheSettings(t *testing.T) {
	h := newHouse(t)
	orders := clients.Described{Client: service("orders")}
	h.describes(orders)
	h.ok(h.Disable(t.Context(), "orders", start))
	h.describes(orders)
	h.stands("orders: disabled by settings")
	h.describes()
	h.describes(orders)
	h.stands("orders: disabled by settings")
}

func TestAWithdrawnClientCanBeKept(t *testing.T) {
	h := newHouse(t)
	h.describes(clients.Described{Client: service("orders")})
	h.describes()
	h.ok(h.Enable(t.Context(), "orders", start))
	h.describes()
	h.stands("orders: usable")
	h.ok(h.Delete(t.Context(), "orders", start))
}

func TestSettingsKeepTheirClients(t *testing.T) {
	h := newHouse(t)
	h.describes(clients.Described{Client: service("orders")})
	if err := h.Delete(t.Context(), "orders", start); !errors.Is(err, clients.ErrConfigured) {
		t.Errorf("deleted: %v", err)
	}
	if _, _, err := h.Create(t.Context(), clients.Registration{Client: service("orders")}, start); !errors.Is(err, clients.ErrTaken) {
		t.Errorf("created: %v", err)
	}
}

func TestSecretsOfSettings(t *testing.T) {
	h := newHouse(t)
	orders := clients.Described{Client: service("orders"), Secret: fileSecret}
	h.describes(orders)
	h.opens("orders", []clients.Plain{fileSecret}, 0)
	rotated, err := h.RotateSecret(t.Context(), "orders", start.Add(time.Hour))
	h.ok(err)
	h.describes(orders)
	next := clients.Plain(strings.Repeat("n", 40))
	all := []clients.Plain{fileSecret, rotated, next}
	h.opens("orders", all, 0, 1)
	orders.Secret = next
	h.describes(orders)
	h.opens("orders", all, 0, 1, 2) // within a day of the rotation
	orders.Secret = fileSecret      // that is kept: nothing changes
	h.describes(orders)
	h.opens("orders", all, 0, 1, 2)
	h.ok(h.DropOldSecret(t.Context(), "orders", start))
	h.opens("orders", all, 2)
}

func TestAServiceOfTheSettingsIsNeverPublic(t *testing.T) {
	h := newHouse(t)
	h.describes(clients.Described{Client: service("orders")})
	if c := h.client("orders"); c.Public() || len(c.Secrets) > 0 {
		t.Errorf("public: %v, %d secrets", c.Public(), len(c.Secrets))
	}
	plain, err := h.RotateSecret(t.Context(), "orders", start)
	h.ok(err)
	h.opens("orders", []clients.Plain{plain}, 0)
}

func TestDescriptionsThatAreRefused(t *testing.T) {
	keyed := service("x")
	keyed.PublicKey = string(newKey(t, "ES256").PublicJWK())
	tests := map[string]clients.Described{
		"short":     {Client: service("x"), Secret: fileSecret[:31]},
		"long":      {Client: service("x"), Secret: clients.Plain(strings.Repeat("a", 257))},
		"space":     {Client: service("x"), Secret: fileSecret + " "},
		"not ASCII": {Client: service("x"), Secret: fileSecret + "é"},
		"plus":      {Client: service("x"), Secret: fileSecret + "+"},
		"percent":   {Client: service("x"), Secret: fileSecret + "%41"},
		"and a key": {Client: keyed, Secret: fileSecret},
	}
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			_, err := h.Describe(t.Context(), []clients.Described{in}, start)
			if got := fields(err); !slices.Equal(got, []string{"secret_file"}) || strings.Contains(fmt.Sprint(err), "0123") {
				t.Errorf("faults %v (%v)", got, err)
			}
			h.stands()
		})
	}
}

func TestEveryPageIsLookedAt(t *testing.T) {
	h := newHouse(t)
	var list []clients.Described
	for i := range 201 {
		list = append(list, clients.Described{Client: service(fmt.Sprintf("s%03d", i))})
	}
	h.describes(list...)
	if gone := h.describes(); len(gone) != 201 {
		t.Errorf("%d of 201 clients withdrawn", len(gone))
	}
}

// TestRotationIsOffForProvedAppsAlone: nothing but its one use binds the refresh
// token of a client that has nothing to prove.
func TestRotationIsOffForProvedAppsAlone(t *testing.T) {
	h := newHouse(t)
	app := clients.Client{ID: "portal", Kind: clients.App, Policy: clients.Policy{NoRotation: true}}
	var faults clients.Faults
	refused := func(err error, field string) {
		t.Helper()
		if !errors.As(err, &faults) || faults[0].Field != field {
			t.Errorf("%v, want a fault of %s", err, field)
		}
	}
	_, _, err := h.Create(t.Context(), clients.Registration{Client: app, NoSecret: true}, start)
	refused(err, "rotation")
	refused(clients.Described{Client: app}.Validate(), "rotation")
	if _, _, err := h.Create(t.Context(), clients.Registration{Client: app}, start); err != nil {
		t.Error(err)
	}
	if err := (clients.Described{Client: app, Secret: clients.Plain(strings.Repeat("s3cr3t-", 8))}).Validate(); err != nil {
		t.Error(err)
	}
	for field, p := range map[string]clients.Policy{
		"refresh_retry": {RefreshRetry: 2 * time.Minute, AccessTTL: time.Minute},
		"rotation":      {NoRotation: true, NoRefresh: true},
	} {
		refused(clients.Client{ID: "portal", Name: "portal", Kind: clients.App, Policy: p}.Validate(), field)
	}
	robot := service("robot")
	robot.Policy = clients.Policy{RefreshRetry: time.Minute}
	refused(robot.Validate(), "refresh_retry")
}
