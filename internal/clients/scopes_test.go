package clients_test

import (
	"strings"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/clients"
)

// TestScopesThatNoRouteKnows are refused, and only those that look like
// Portaria's own.
func TestScopesThatNoRouteKnows(t *testing.T) {
	describe := func(scope string) error {
		return clients.Client{ID: "reports", Name: "Reports", Kind: clients.Service, Scopes: []string{"stock:read", scope}}.Validate()
	}
	for _, scope := range []string{
		api.AdminScope, api.RevocationReadScope, api.RevocationWriteScope, api.EventsReadScope,
		"orders:read", "orders.write", "agents:read", "read", "https://api.example.com/orders", "openid", "my-events:read",
	} {
		if err := describe(scope); err != nil {
			t.Errorf("%s: %v", scope, err)
		}
	}
	for scope, said := range map[string]string{
		"accounts:write":  "no route knows it",
		"accounts:read":   "no route knows it",
		"Sessions:end":    "no route knows it",
		"portaria:root":   "no route knows it",
		"portaria":        "no route knows it",
		"events:write":    "no route knows it",
		"webhooks/write":  "no route knows it",
		"key.rotate":      "no route knows it",
		"portaria:admins": "did you mean portaria:admin?",
		"PORTARIA:ADMIN":  "did you mean portaria:admin?",
		"revocation.read": "did you mean revocation:read?",
		"revocatin:write": "did you mean revocation:write?",
		"event:read":      "did you mean events:read?",
	} {
		if err := describe(scope); err == nil || !strings.Contains(err.Error(), "number 2 ") || !strings.Contains(err.Error(), said) {
			t.Errorf("%s: %v, want %q", scope, err, said)
		}
	}
}
