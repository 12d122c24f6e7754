package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/guard"
)

// guarded is a service with the budgets of an installation.
func guarded(t *testing.T) *apptest.App {
	t.Helper()
	return apptest.Start(t, func(c *config.Config) { c.Guard = guard.DefaultPolicy() })
}

// signIn sends a password, with the device token of an app if there is one.
func signIn(t *testing.T, a *apptest.App, identifier, plain, device string) (*http.Response, string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"identifier": identifier, "password": plain, "device": device})
	worked(t, err)
	r, err := http.NewRequest("POST", a.URL+"/v1/login", strings.NewReader(string(body)))
	worked(t, err)
	r.Header.Set("Content-Type", "application/json")
	return a.Do(r)
}

// TestStrangersWait: after the budget is spent, also the right password is
// refused, with the time to wait, and unknown names are answered alike. The owner
// signs in from a known device all the time.
func TestStrangersWait(t *testing.T) {
	a := guarded(t)
	a.SignUp("ana")
	mine := newTab(t, a)
	mine.tokens("/v1/login", `{"identifier":"ana","password":"`+apptest.Password+`","delivery":"cookie"}`)
	resp, text := signIn(t, a, "ana", apptest.Password, "")
	var app api.Tokens
	worked(t, json.Unmarshal([]byte(text), &app))
	if resp.StatusCode != 200 || app.Device == "" {
		t.Fatalf("an app gets no device token: %s", text)
	}

	for _, name := range []string{"ana", "nobody"} {
		evaluated := 0
		for range 30 {
			if resp, _ := signIn(t, a, name, "wrong wrong", ""); resp.StatusCode == 401 {
				evaluated++
			}
		}
		if evaluated != guard.DefaultPolicy().Strangers.Failures {
			t.Errorf("%s: %d guesses were looked at", name, evaluated)
		}
		resp, text := signIn(t, a, name, apptest.Password, "")
		var p api.Problem
		worked(t, json.Unmarshal([]byte(text), &p))
		if resp.StatusCode != 429 || p.Code != "too_many_attempts" || resp.Header.Get("Retry-After") != "1" {
			t.Errorf("%s: got %d, Retry-After %q, %s", name, resp.StatusCode, resp.Header.Get("Retry-After"), text)
		}
	}

	mine.tokens("/v1/login", `{"identifier":"ana","password":"`+apptest.Password+`","delivery":"cookie"}`)
	if resp, text := signIn(t, a, "ana", apptest.Password, app.Device); resp.StatusCode != 200 {
		t.Errorf("the owner's app: %s", text)
	}
	if resp, _ := signIn(t, a, "ana", apptest.Password, strings.Repeat("x", len(app.Device))); resp.StatusCode != 429 {
		t.Errorf("with a made-up device token: %d", resp.StatusCode)
	}
	a.Clock.Move(2 * time.Second)
	if resp, text := signIn(t, a, "ana", apptest.Password, ""); resp.StatusCode != 200 {
		t.Errorf("the owner on a new device, after the wait: %s", text)
	}
}

// TestARestartForgetsNoGuess: budgets are saved when the process stops.
func TestARestartForgetsNoGuess(t *testing.T) {
	a := guarded(t)
	a.SignUp("ana")
	for range 5 {
		signIn(t, a, "ana", "wrong wrong", "")
	}
	a.Restart()
	if resp, text := signIn(t, a, "ana", apptest.Password, ""); resp.StatusCode != 429 {
		t.Errorf("got %d %s", resp.StatusCode, text)
	}
}

// TestAThousandGuessesAtOnce: in every spelling of the name, at most the budget is
// looked at, and the owner signs in from a known device in the middle of it.
func TestAThousandGuessesAtOnce(t *testing.T) {
	a := guarded(t)
	a.SignUp("ana@example.com")
	_, text := signIn(t, a, "ana@example.com", apptest.Password, "")
	var mine api.Tokens
	worked(t, json.Unmarshal([]byte(text), &mine))

	spellings := []string{"ana@example.com", "ANA@EXAMPLE.COM", " ana@example.com ", "Ana@Example.Com", "ａｎａ@example.com"}
	var lookedAt, refused atomic.Int64
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() {
			body := `{"identifier":"` + spellings[i%len(spellings)] + `","password":"guess number ` + strconv.Itoa(i) + `"}`
			resp, err := http.Post(a.URL+"/v1/login", "application/json", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			switch resp.StatusCode {
			case http.StatusUnauthorized:
				lookedAt.Add(1)
			case http.StatusTooManyRequests:
				refused.Add(1)
			default:
				t.Errorf("got %d", resp.StatusCode)
			}
		})
	}
	for range 10 {
		if resp, text := signIn(t, a, "ana@example.com", apptest.Password, mine.Device); resp.StatusCode != 200 {
			t.Errorf("the owner meanwhile: %s", text)
		}
	}
	all.Wait()
	if most := int64(guard.DefaultPolicy().Strangers.Failures); lookedAt.Load() != most || refused.Load() != 1000-most {
		t.Errorf("%d guesses were looked at and %d refused, want %d and the others", lookedAt.Load(), refused.Load(), most)
	}
}
