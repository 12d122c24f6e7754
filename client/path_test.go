package client_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
)

// An id is one segment of an address. One that would lead elsewhere never leaves
// the machine.
func TestIDsThatNoAddressCanName(t *testing.T) {
	asked := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.EscapedPath()
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	c := client.New(server.URL, server.Client())
	ctx := t.Context()
	calls := map[string]func(id string) error{
		"client":      func(id string) error { return c.DeleteClient(ctx, id) },
		"secrets":     func(id string) error { return c.DropClientSecret(ctx, id) },
		"account":     func(id string) error { return c.DeleteAccount(ctx, id) },
		"session":     func(id string) error { return c.EndAnySession(ctx, id) },
		"own session": func(id string) error { return c.EndSession(ctx, id) },
		"webhook":     func(id string) error { return c.DeleteWebhook(ctx, id) },
		"dead letter": func(id string) error { _, err := c.Redeliver(ctx, api.DeadLetter{ID: "w", Event: id}); return err },
	}
	for name, call := range calls {
		for _, id := range []string{"", ".", "..", "a/b", "Nobody/../billing", "/", "a\\b", "a\nb", "a\x00"} {
			asked = ""
			if err := call(id); !errors.Is(err, client.ErrID) || asked != "" {
				t.Errorf("%s %q: %v, asked %q", name, id, err, asked)
			}
		}
	}
	if err := calls["client"]("a.b-%2F?c#d é"); err != nil || asked != "/v1/admin/clients/a.b-%252F%3Fc%23d%20%C3%A9" {
		t.Errorf("a strange id: %v, asked %q", err, asked)
	}
}
