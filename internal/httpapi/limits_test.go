package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/revoke/rule"
)

// TestLengthsOfOtherFields sends each text at its limit and one character
// beyond, of fields that TestLengthsOfFields does not know: only the latter is
// refused, and the answer names the field.
func TestLengthsOfOtherFields(t *testing.T) {
	a := apptest.Start(t)
	admin := a.AdminToken()
	_, person := a.SignUp("ana")
	const creds = `"identifier":"nobody","password":"hunter2hunter2"`
	const ack = `"seq":0,"when_stale":"refuse"`
	for _, test := range []struct {
		path, body string // %s is the text
		field      string
		most       int
	}{
		{"/v1/login", `{` + creds + `,"client_id":"%s"}`, "client_id", 255},
		{"/v1/login", `{` + creds + `,"client_assertion":"%s"}`, "client_assertion", 8192},
		{"/v1/refresh", `{"refresh_token":"x","client_id":"%s"}`, "client_id", 255},
		{"/v1/refresh", `{"refresh_token":"x","client_assertion":"%s"}`, "client_assertion", 8192},
		{"/v1/logout", `{"refresh_token":"%s"}`, "refresh_token", 512},
		{"/v1/step-up", `{"password":"%s"}`, "password", 1024},
		{"/v1/admin/clients", `{"id":"%s","kind":"service"}`, "id", 64},
		{"/v1/admin/clients", `{"id":"BAD","kind":"service","name":"%s"}`, "name", 100},
		{"/v1/admin/clients", `{"id":"BAD","kind":"service","public_key":"%s"}`, "public_key", 16384},
		{"/v1/admin/clients", `{"id":"BAD","kind":"service","encryption_key":"%s"}`, "encryption_key", 16384},
		{"/v1/admin/webhooks", `{"client_id":"%s","format":"standard","types":["*"]}`, "client_id", 255},
		{"/v1/admin/webhooks", `{"client_id":"nobody","format":"standard","types":["*"],"url":"%s"}`, "url", 2048},
		{"/rev/v1/rules", `{"target":{"token":"%s"}}`, "target.token", 512},
		{"/rev/v1/rules", `{"target":{"kind":"token","id":"%s"}}`, "target.id", 512},
		{"/rev/v1/rules", `{"target":{"session":"%s"}}`, "target.session", 512},
		{"/rev/v1/rules", `{"target":{"account":"%s"}}`, "target.account", 512},
		{"/rev/v1/rules", `{"target":{"client":"%s"}}`, "target.client", 512},
		{"/rev/v1/rules", `{"target":{"key":"%s"}}`, "target.key", 512},
		{"/rev/v1/rules", `{"target":{"token":"a"},"reason":"%s"}`, "reason", 256},
		{"/rev/v1/poll", `{"after":1,"verifier":"%s"}`, "verifier", 64},
		{"/rev/v1/ack", `{` + ack + `,"staleness_ms":1,"verifier":"%s"}`, "verifier", 64},
		{"/rev/v1/ack", `{` + ack + `,"staleness_ms":1,"verifier":"v","key_set":"%s"}`, "key_set", 128},
		{"/rev/v1/ack", `{` + ack + `,"staleness_ms":1,"verifier":"v","audience":"%s"}`, "audience", 255},
	} {
		for n, refused := range map[int]bool{test.most: false, test.most + 1: true} {
			text, token := strings.Repeat("k", n), admin
			if test.path == "/v1/step-up" {
				token = person.AccessToken
			}
			_, status, p := sent(t, a, token, test.path, fmt.Sprintf(test.body, text))
			if got := status == http.StatusUnprocessableEntity && tooLong(p, test.field, test.most); got != refused || status == http.StatusNotFound && p.Code == "route_not_found" {
				t.Errorf("%s, %s with %d characters: %d %+v", test.path, test.field, n, status, p)
			}
		}
	}
}

// tooLong reports whether a field was refused for its length.
func tooLong(p api.Problem, field string, most int) bool {
	for _, e := range p.Errors {
		if e.Field == field && strings.HasSuffix(e.Detail, fmt.Sprint("length <= ", most)) {
			return true
		}
	}
	return false
}

// sent posts a body as the administrator.
func sent(t *testing.T, a *apptest.App, token, path, body string, header ...string) (text string, status int, p api.Problem) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", a.URL+path, strings.NewReader(body))
	worked(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, text := a.Do(r)
	if resp.StatusCode >= 400 {
		worked(t, json.Unmarshal([]byte(text), &p))
	}
	return text, resp.StatusCode, p
}

func TestNumbersAtTheirLimits(t *testing.T) {
	a := apptest.Start(t)
	admin := a.AdminToken()
	const ack = `{"verifier":"v","when_stale":"refuse","seq":%d,"staleness_ms":%d}`
	const app = `{"id":"app%d","kind":"app","%s":%d}`
	for i, test := range []struct {
		path, body, field string // the field that is refused; empty: none
	}{
		{"/rev/v1/poll", `{"after":-1}`, "after"},
		{"/rev/v1/poll", fmt.Sprintf(`{"after":%d}`, int64(rule.MaxSeq)), ""},
		{"/rev/v1/poll", fmt.Sprintf(`{"after":%d}`, int64(rule.MaxSeq)+1), "after"},
		{"/rev/v1/poll", `{"after":1,"wait":-1}`, "wait"},
		{"/rev/v1/poll", `{"after":1,"wait":25}`, ""}, // a place where the log is not: nothing is awaited
		{"/rev/v1/poll", `{"after":1,"wait":26}`, "wait"},
		{"/rev/v1/poll", `{"after":1,"lease_ms":-1}`, "lease_ms"},
		{"/rev/v1/ack", fmt.Sprintf(ack, -1, 1), "seq"},
		{"/rev/v1/ack", fmt.Sprintf(ack, int64(rule.MaxSeq)+1, 1), "seq"},
		{"/rev/v1/ack", fmt.Sprintf(ack, 0, 0), "staleness_ms"},
		{"/rev/v1/ack", fmt.Sprintf(ack, 0, 1), ""},
		{"/v1/admin/clients", fmt.Sprintf(app, 1, "access_ttl", 2592001), "access_ttl"},
		{"/v1/admin/clients", fmt.Sprintf(app, 2, "refresh_ttl", 34560001), "refresh_ttl"},
		{"/v1/admin/clients", fmt.Sprintf(app, 3, "session_ttl", 34560001), "session_ttl"},
		{"/v1/admin/clients", fmt.Sprintf(app, 4, "refresh_retry", 2592001), "refresh_retry"},
		{"/v1/admin/clients", fmt.Sprintf(app, 5, "access_ttl", -1), "access_ttl"},
	} {
		text, status, p := sent(t, a, admin, test.path, test.body)
		if test.field == "" && status >= 300 || test.field != "" && (status != 422 || !named(p, test.field)) {
			t.Errorf("%d: %s %s: %d %s", i, test.path, test.body, status, text)
		}
	}
}

// TestBodiesAtTheLimit: as they arrive, and as they are unpacked.
func TestBodiesAtTheLimit(t *testing.T) {
	a := apptest.Start(t)
	const small = `{"identifier":"nobody","password":"hunter2hunter2"}`
	for size, want := range map[int]int{api.MaxBody: 401, api.MaxBody + 1: 413} {
		body := small + strings.Repeat(" ", size-len(small))
		if text, status, _ := sent(t, a, "x", "/v1/login", body, "Authorization", ""); status != want {
			t.Errorf("%d bytes: %d %s", size, status, text)
		}
		if text, status, _ := sent(t, a, "x", "/v1/login", gzipped(t, body), "Authorization", "", "Content-Encoding", "gzip"); status != want {
			t.Errorf("%d bytes, packed: %d %s", size, status, text)
		}
	}
}

// TestParametersAtTheLimit: of queries and headers.
func TestParametersAtTheLimit(t *testing.T) {
	a := apptest.Start(t)
	admin := a.AdminToken()
	a.SignUp("ana")
	for query, detail := range map[string]string{
		"cursor=" + strings.Repeat("A", 1024): "next_cursor",
		"cursor=" + strings.Repeat("A", 1025): "too long",
		"limit=201":                           "1 to 200",
		"limit=200":                           "",
		"limit=1":                             "",
		"limit=0":                             "1 to 200",
	} {
		for _, path := range []string{"/v1/admin/accounts", "/v1/admin/sessions", "/v1/admin/events", "/v1/admin/clients"} {
			if strings.HasPrefix(query, "cursor") && path != "/v1/admin/accounts" && path != "/v1/admin/sessions" {
				continue // those have cursors of other kinds
			}
			response, text := get(t, a, path+"?"+query, "Authorization", "Bearer "+admin)
			if detail == "" && response.StatusCode != 200 || !strings.Contains(text, detail) {
				t.Errorf("%s?%.20s: %d %s", path, query, response.StatusCode, text)
			}
		}
	}
	for n, want := range map[int]int{64: 200, 65: 422} {
		text, status, _ := sent(t, a, admin, "/rev/v1/poll", `{"after":1}`, "Portaria-Place", strings.Repeat("p", n))
		if status != want {
			t.Errorf("a place of %d characters: %d %s", n, status, text)
		}
	}
	for query, want := range map[string]string{
		"after=-1": "after", fmt.Sprint("after=", int64(rule.MaxSeq)): "", fmt.Sprint("after=", int64(rule.MaxSeq)+1): "after",
		"after=1&after=1": "after", "verifier=v&lease_ms=1": "", "verifier=v&lease_ms=0": "lease_ms", "lease_ms=1": "verifier",
		"verifier=" + strings.Repeat("v", 64): "", "verifier=" + strings.Repeat("v", 65): "verifier", "verifier=a%09b": "verifier",
		"verifier=v&when_stale=closed": "when_stale", "since=1": "since",
	} {
		if want == "" {
			openFeed(t, a, "?"+query)
			continue
		}
		if response, text := get(t, a, "/rev/v1/feed?"+query, "Authorization", "Bearer "+admin); response.StatusCode != 422 || !strings.Contains(text, `"field":"`+want+`"`) {
			t.Errorf("feed?%s: %d %s", query, response.StatusCode, text)
		}
	}
}

// TestUserAgentIsCut: what a session remembers of a browser is bounded.
func TestUserAgentIsCut(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp("ana")
	for _, n := range []int{255, 256, 257} {
		text, _, _ := sent(t, a, "x", "/v1/login", `{"identifier":"ana","password":"`+apptest.Password+`"}`,
			"Authorization", "", "User-Agent", strings.Repeat("u", n))
		var tokens api.Tokens
		worked(t, json.Unmarshal([]byte(text), &tokens))
		list, err := a.As(tokens).Sessions(t.Context(), api.Page{})
		worked(t, err)
		i := slices.IndexFunc(list.Sessions, func(s api.Session) bool { return s.Current })
		if i < 0 || len(list.Sessions[i].UserAgent) != min(n, 256) {
			t.Errorf("%d bytes: %+v", n, list.Sessions)
		}
	}
}

// TestOnlyAFewCookiesOfANameAreRead: a browser sends one; each costs a look into
// the store.
func TestOnlyAFewCookiesOfANameAreRead(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp("ana")
	var cookies []string
	var held []api.Tokens
	for range 5 {
		tokens := a.SignIn("ana")
		held = append(held, tokens)
		cookies = append(cookies, api.RefreshCookie+"="+url.QueryEscape(tokens.RefreshToken))
	}
	newTab(t, a).tokens("/v1/login", `{"identifier":"ana","password":"`+apptest.Password+`","delivery":"cookie"}`, "Cookie", strings.Join(cookies, "; "))
	for i, tokens := range held {
		if _, err := a.As(tokens).Me(t.Context()); (err == nil) != (i == 4) {
			t.Errorf("cookie %d: %v", i+1, err)
		}
	}
}

// TestAFailedEndOfTheSessionBefore: each step of a sign-in or refresh into
// cookies that already hold a session fails once. The caller gets no success
// without tokens, and the repeat works.
func TestAFailedEndOfTheSessionBefore(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp("ana")
	for _, path := range []string{"/v1/login", "/v1/refresh"} {
		failed := 0
		for n := 1; ; n++ {
			b, other := signedInTab(t, a, "ana"), a.SignIn("ana")
			body := `{"identifier":"ana","password":"` + apptest.Password + `","delivery":"cookie"}`
			if path == "/v1/refresh" {
				b.lose(api.RefreshCookie)
				body = `{"refresh_token":"` + other.RefreshToken + `","delivery":"cookie"}`
			}
			held := b.cookie(api.AccessCookie)
			a.Faults.Fail(n, false)
			got := b.send("POST", path, body, apptest.ExposedHeader, "yes")
			if !a.Faults.Hit() {
				break
			}
			if failed++; got.status != http.StatusServiceUnavailable || len(got.set) > 0 {
				t.Errorf("%s, step %d: %d %s, cookies %v", path, n, got.status, got.body, got.set)
			}
			b.tokens(path, body)
			if _, err := a.WithToken(held).Me(t.Context()); err == nil {
				t.Errorf("%s, step %d: the session before lives on", path, n)
			}
		}
		if failed < 3 {
			t.Errorf("%s has only %d steps", path, failed)
		}
	}
}

// TestLastIsNotBehindTheList: an event that is written while a list is read
// stands in it, and is not told again by after=last.
func TestLastIsNotBehindTheList(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp("ana")
	for n := 1; ; n++ {
		a.Faults.Before(n, func() { a.SignIn("ana") })
		_, text := get(t, a, "/v1/admin/events", "Authorization", "Bearer "+a.AdminToken(), apptest.ExposedHeader, "yes")
		var list api.Events
		worked(t, json.Unmarshal([]byte(text), &list))
		if len(list.Events) == 0 || list.Last < list.Events[0].Seq {
			t.Errorf("before step %d: last is %d, %s", n, list.Last, text)
		}
		if !a.Faults.Hit() {
			break
		}
	}
}
