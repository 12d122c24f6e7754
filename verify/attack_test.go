package verify_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/jose/josetest"
	"github.com/portaria/portaria/verify"
)

// TestAttacks sends every known attack over HTTP: none reaches the handler, in
// any profile and whether the good token is cached or not. What no header can
// carry goes to Verify itself.
func TestAttacks(t *testing.T) {
	for _, profile := range []verify.Profile{verify.AccessToken, verify.PlainJWT, verify.Flask} {
		attack(t, profile, true)
		attack(t, profile, false)
	}
}

// quickly is how long any refusal may take. The best of several tries counts: a
// busy machine is no fault of ours.
const quickly = time.Millisecond

func attack(t *testing.T, profile verify.Profile, cached bool) {
	k := generate(t, jose.ES256)
	config := static(k, &clock{start})
	config.Profile = profile
	if !cached {
		config.CacheEntries = -1
	}
	v := open(t, config)
	reached := 0
	server := httptest.NewServer(v.RequireFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	t.Cleanup(server.Close)
	target := josetest.Target{Signer: k, Type: "JWT", Now: start, Claims: claims(nil)}
	switch profile {
	case verify.AccessToken:
		target.Type = "at+jwt"
	case verify.Flask:
		target.Claims["type"] = "access"
	}
	good := josetest.Good(t, target)
	for range 2 {
		if status := send(t, server, good); status != http.StatusOK {
			t.Fatalf("%s: the control is answered %d", profile, status)
		}
	}
	reached = 0
	names, overHTTP := map[string]bool{}, 0
	for _, attack := range josetest.Attacks() {
		names[attack.Name] = true
		token := attack.Make(t, target)
		best := time.Hour
		for try := 0; try < 20 && best >= quickly; try++ {
			began := time.Now()
			c, err := v.Verify(t.Context(), token)
			best = min(best, time.Since(began))
			if err == nil || c != (verify.Claims{}) {
				t.Errorf("%s, %s: accepted", profile, attack.Name)
			}
		}
		if best >= quickly {
			t.Errorf("%s, %s: refused after %v", profile, attack.Name, best)
		}
		// Blanks around a token are none of it: RFC 6750 allows any number after
		// "Bearer", and HTTP drops those at the end of a header.
		if !sendable(token) || strings.Trim(token, " ") != token {
			continue
		}
		overHTTP++
		if status := send(t, server, token); status < 400 || status >= 500 {
			t.Errorf("%s, %s: answered %d", profile, attack.Name, status)
		}
	}
	if reached != 0 {
		t.Errorf("%s: %d attacks reached the handler", profile, reached)
	}
	if len(names) < 60 || overHTTP < 60 {
		t.Errorf("%d attacks, %d over HTTP, want 60 at least", len(names), overHTTP)
	}
	t.Logf("%s, cached %v: %d attacks, %d of them over HTTP", profile, cached, len(names), overHTTP)
}

// sendable tells whether a header can carry a text.
func sendable(token string) bool {
	return len(token) < 1<<19 && !strings.ContainsFunc(token, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

func send(t *testing.T, server *httptest.Server, token string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}
