package httpapi_test

import (
	"testing"

	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
)

func TestSecurityText(t *testing.T) {
	a := apptest.Start(t, func(c *config.Config) { c.SecurityContact = "mailto:security@example.org" })
	response, text := get(t, a, "/.well-known/security.txt")
	want := "Contact: mailto:security@example.org\nExpires: 2030-07-01T00:00:00Z\nCanonical: " + a.URL + "/.well-known/security.txt\n"
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/plain; charset=utf-8" || text != want {
		t.Errorf("%s %s", response.Status, text)
	}
	if response, _ := get(t, apptest.Start(t), "/.well-known/security.txt"); response.StatusCode != 404 {
		t.Errorf("without a contact: %s", response.Status)
	}
}
