package app_test

import (
	"encoding/pem"
	"io"
	stdlog "log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/jose"
)

// TestCAFile: all outgoing requests trust the authorities of ca_file, and only
// these.
func TestCAFile(t *testing.T) {
	key, err := jose.Generate(jose.ECDHES)
	if err != nil {
		t.Fatal(err)
	}
	var keySets, events atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			keySets.Add(1)
			_, _ = w.Write(key.PublicJWK())
			return
		}
		events.Add(1)
	}))
	server.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		file string
		want int64
	}{{"", 0}, {file, 1}} {
		a := apptest.Start(t, func(c *config.Config) {
			c.InsecureWebhooks, c.CAFile = true, test.file
			c.AudienceEncryption = map[string]config.ServiceKey{"payroll": {URL: server.URL}}
		})
		a.FetchKeySets()
		if _, err := a.Admin().CreateClient(t.Context(), api.NewClient{ClientDescription: api.ClientDescription{ID: "orders", Kind: "service"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Admin().CreateWebhook(t.Context(), api.NewWebhook{ClientID: "orders", Format: "standard", URL: server.URL, Types: []string{"session.*"}}); err != nil {
			t.Fatal(err)
		}
		a.SignUp("ana@example.com")
		a.DeliverWebhooks()
		if keySets.Load() != test.want || events.Load() != test.want {
			t.Errorf("ca_file %q: %d key sets and %d events arrived", test.file, keySets.Load(), events.Load())
		}
	}
	c := settings(t, "")
	if c.CAFile = filepath.Join(t.TempDir(), "bad.pem"); os.WriteFile(c.CAFile, text[:100], 0o600) != nil {
		t.Fatal("write the file")
	}
	if _, err := open(t, c); err == nil || !strings.Contains(err.Error(), "ca_file: read certificate authorities") {
		t.Errorf("a bad file: %v", err)
	}
}
