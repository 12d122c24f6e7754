package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
)

// tab is a page in a browser that keeps cookies.
type tab struct {
	*testing.T
	app  *apptest.App
	jar  jar
	csrf string
}

// jar treats the loopback as secure, as browsers do and Go's jar does not.
type jar struct{ *cookiejar.Jar }

func secure(u *url.URL) *url.URL { s := *u; s.Scheme = "https"; return &s }

func (j jar) SetCookies(u *url.URL, c []*http.Cookie) { j.Jar.SetCookies(secure(u), c) }
func (j jar) Cookies(u *url.URL) []*http.Cookie       { return j.Jar.Cookies(secure(u)) }

func newTab(t *testing.T, a *apptest.App) *tab {
	t.Helper()
	kept, err := cookiejar.New(nil)
	worked(t, err)
	return &tab{t, a, jar{kept}, ""}
}

// signedInTab is a page whose session is in cookies.
func signedInTab(t *testing.T, a *apptest.App, identifier string) *tab {
	t.Helper()
	b := newTab(t, a)
	b.tokens("/v1/login", `{"identifier":"`+identifier+`","password":"`+apptest.Password+`","delivery":"cookie"}`)
	return b
}

// reply is an answer, and the cookies that it set, by name.
type reply struct {
	status int
	code   string
	body   string
	set    map[string]*http.Cookie
	clear  string // Clear-Site-Data
}

// send sends a request with the cookies and the csrf value; pairs are headers,
// an empty one leaves its header out.
func (b *tab) send(method, path, body string, pairs ...string) reply {
	b.Helper()
	r, err := http.NewRequest(method, b.app.URL+path, strings.NewReader(body))
	worked(b.T, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("X-CSRF-Token", b.csrf)
	for i := 0; i < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1]) // cookies are added to those of the jar
	}
	for name, values := range r.Header {
		if values[0] == "" {
			r.Header.Del(name)
		}
	}
	for _, c := range b.jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	resp, text := b.app.Do(r)
	b.jar.SetCookies(r.URL, resp.Cookies())
	out := reply{status: resp.StatusCode, body: text, set: map[string]*http.Cookie{}, clear: resp.Header.Get("Clear-Site-Data")}
	for _, c := range resp.Cookies() {
		out.set[c.Name] = c
	}
	var p api.Problem
	if resp.StatusCode >= 400 {
		worked(b.T, json.Unmarshal([]byte(text), &p))
	}
	out.code = p.Code
	return out
}

// wants sends a request and checks the status and code of its answer.
func (b *tab) wants(status int, code, method, path, body string, pairs ...string) reply {
	b.Helper()
	got := b.send(method, path, body, pairs...)
	if got.status != status || got.code != code {
		b.Errorf("%s %s %v: %d %s, want %d %s", method, path, pairs, got.status, got.body, status, code)
	}
	return got
}

// tokens asks for tokens in cookies, which must be nowhere else.
func (b *tab) tokens(path, body string, pairs ...string) api.Tokens {
	b.Helper()
	got := b.wants(200, "", "POST", path, body, pairs...)
	var t api.Tokens
	worked(b.T, json.Unmarshal([]byte(got.body), &t))
	for name, c := range got.set {
		if c.Value != "" && strings.Contains(got.body, c.Value) {
			b.Errorf("%s: %s stands in the body as well", path, name)
		}
	}
	if t.AccessToken != "" || t.RefreshToken != "" || len(t.CSRF) != 22 {
		b.Fatalf("%s: %s", path, got.body)
	}
	b.csrf = t.CSRF
	return t
}

// cookie is what the browser holds under a name.
func (b *tab) cookie(name string) string {
	u, err := url.Parse(b.app.URL)
	worked(b.T, err)
	for _, c := range b.jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// lose makes the browser forget a cookie, as it does at the end of its Max-Age.
func (b *tab) lose(name string) {
	u, _ := url.Parse(b.app.URL)
	b.jar.SetCookies(u, []*http.Cookie{{Name: name, Path: "/", MaxAge: -1}})
}

// dropped wants both cookies to be told to go, with the attributes without
// which a browser ignores it.
func (b *tab) dropped(r reply) {
	b.Helper()
	if r.clear != `"cache", "storage"` {
		b.Errorf("Clear-Site-Data is %q", r.clear)
	}
	for _, name := range []string{api.AccessCookie, api.RefreshCookie} {
		c := r.set[name]
		if c == nil || c.MaxAge >= 0 || c.Value != "" || !c.Secure || c.Path != "/" || b.cookie(name) != "" {
			b.Errorf("%s was not dropped: %v", name, c)
		}
	}
}
