package guard_test

import (
	"testing"
	"time"

	"github.com/portaria/portaria/internal/guard"
)

// TestOperatorsSeeAndClear the budgets of an account and of an address.
func TestOperatorsSeeAndClear(t *testing.T) {
	h := newHouse(t, nil)
	for range 8 {
		h.guess(ana(from(1)))
	}
	if refusals := h.Refusals(); refusals["account"] != 3 || len(h.Refusals()) != 0 {
		t.Errorf("refusals %v, want three of the account's, and then none", refusals)
	}
	account := guard.Subject{Purpose: "password", Account: "ana"}
	state := func(s guard.Subject) map[string]guard.Budget {
		t.Helper()
		list, err := h.Budgets(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]guard.Budget{}
		for _, b := range list {
			all[b.Kind] = b
		}
		return all
	}
	if got := state(account)["account"]; got.Failed != 5 || got.Burst != 5 || got.Wait != time.Second {
		t.Errorf("the account: %+v", got)
	}
	address := guard.Subject{Address: from(1)}
	for kind, failed := range map[string]float64{"address": 5, "network": 5, "accounts": 1} {
		if got := state(address)[kind]; got.Failed != failed || got.Burst == 0 || got.Wait != 0 {
			t.Errorf("%s: %+v", kind, got)
		}
	}
	if err := h.Clear(t.Context(), account); err != nil || state(account)["account"].Failed != 0 || state(address)["address"].Failed != 5 {
		t.Errorf("after clearing the account: %v, %v, %v", err, state(account), state(address))
	}
	if err := h.Clear(t.Context(), address); err != nil || state(address)["address"].Failed != 0 || state(address)["network"].Failed != 0 {
		t.Errorf("after clearing the address: %v, %v", err, state(address))
	}
	if h.guess(ana(from(1))) != nil {
		t.Error("a stranger still waits")
	}
}
