package keysource

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/jose"
)

func fetch(t *testing.T, address string) ([]byte, error) {
	t.Helper()
	return fetchKeySet(&cli.Call{Context: t.Context(), Globals: &cli.Globals{}, Flags: cli.NewSettingFlags()}, address)
}

func TestFetchKeySet(t *testing.T) {
	var elsewhereAsked bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { elsewhereAsked = true }))
	t.Cleanup(elsewhere.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("keys")) })
	mux.HandleFunc("/most", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(make([]byte, jose.MaxKeySet)) })
	mux.HandleFunc("/more", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(make([]byte, jose.MaxKeySet+1)) })
	mux.Handle("/moved", http.RedirectHandler("/keys", http.StatusFound))
	mux.Handle("/elsewhere", http.RedirectHandler(elsewhere.URL, http.StatusFound))
	mux.Handle("/circle", http.RedirectHandler("/circle", http.StatusFound))
	mux.HandleFunc("/error", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	for path, why := range map[string]string{
		"/keys":      "",
		"/most":      "",
		"/moved":     "",
		"/more":      "longer than",
		"/elsewhere": "redirected to another host",
		"/circle":    "too many redirects",
		"/error":     "500",
		"/nowhere":   "404",
	} {
		text, err := fetch(t, server.URL+path)
		if why == "" && (err != nil || len(text) == 0) || why != "" && (err == nil || !strings.Contains(err.Error(), why)) {
			t.Errorf("%s: %.20q, %v; want %q", path, text, err, why)
		}
		var usage cli.UsageError
		if err != nil && !errors.As(err, &usage) {
			t.Errorf("%s: %v would be taken for a refused token", path, err)
		}
	}
	if elsewhereAsked {
		t.Error("another host was asked")
	}
}

// TestFetchKeySetNeedsTLS: the network could otherwise replace the keys.
func TestFetchKeySetNeedsTLS(t *testing.T) {
	for _, address := range []string{"http://192.0.2.1/keys", "http://localhost.example.org/keys", "http://127.0.0.1@192.0.2.1/", "http://%zz/"} {
		if _, err := fetch(t, address); err == nil || !strings.Contains(err.Error(), "only over https") && !strings.Contains(err.Error(), "invalid URL") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
