package verify_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify"
)

// TestUpgradesWithACookie: a browser sends the cookie with the handshake of any
// page of the site, and lets that page read what comes.
func TestUpgradesWithACookie(t *testing.T) {
	k := generate(t, jose.ES256)
	config := static(k, &clock{start})
	config.Places = []verify.Place{verify.Header(), verify.Cookie("__Host-access")}
	v := open(t, config)
	token := sign(t, k, claims(m{"csrf": "c"}), nil)
	check := func(what string, want int, method, host string, headers ...string) {
		t.Helper()
		r := request(method, "", headers...)
		r.Host = host
		if got := ask(t, v, r); got.Status != want {
			t.Errorf("%s: %d, want %d", what, got.Status, want)
		}
	}
	cookie := []string{"Cookie", "__Host-access=" + token}
	for what, upgrade := range map[string][]string{
		"WebSocket": {"Connection", "keep-alive, Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Key", "x", "Sec-WebSocket-Version", "13"},
		"h2c":       {"Upgrade", "h2c"}, "Connection alone": {"Connection", "upgrade"}, "key alone": {"Sec-WebSocket-Key", "x"},
	} {
		with := func(more ...string) []string {
			return append(append(append([]string{}, cookie...), upgrade...), more...)
		}
		check(what+", same origin", 204, "GET", "app.example.com", with("Origin", "https://app.example.com", "Sec-Fetch-Site", "same-origin")...)
		check(what+", same origin, old browser", 204, "GET", "app.example.com", with("Origin", "https://app.example.com")...)
		check(what+", this machine", 204, "GET", "localhost:8080", with("Origin", "http://localhost:8080")...)
		check(what+", sibling", 403, "GET", "app.example.com", with("Origin", "https://blog.example.com", "Sec-Fetch-Site", "same-site")...)
		check(what+", sibling, old browser", 403, "GET", "app.example.com", with("Origin", "https://blog.example.com")...)
		check(what+", another port", 403, "GET", "app.example.com", with("Origin", "https://app.example.com:8443")...)
		check(what+", another site", 403, "GET", "app.example.com", with("Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")...)
		check(what+", in the clear", 403, "GET", "app.example.com", with("Origin", "http://app.example.com")...)
		check(what+", sandboxed", 403, "GET", "app.example.com", with("Origin", "null")...)
		check(what+", no origin", 403, "GET", "app.example.com", with()...)
		check(what+", two origins", 403, "GET", "app.example.com", with("Origin", "https://app.example.com", "Origin", "https://evil.example")...)
		check(what+", a header needs none of it", 204, "GET", "app.example.com", append([]string{"Authorization", "Bearer " + token}, upgrade...)...)
		check(what+", POST without the value", 403, "POST", "app.example.com", with("Origin", "https://app.example.com")...)
	}
	check("no upgrade", 204, "GET", "app.example.com", append(cookie, "Connection", "keep-alive")...)
	connect := httptest.NewRequest(http.MethodConnect, "https://app.example.com/", nil) // RFC 8441
	connect.Host = "app.example.com"
	for origin, want := range map[string]int{"https://app.example.com": 204, "https://blog.example.com": 403} {
		connect.Header = http.Header{"Cookie": {"__Host-access=" + token}, ":protocol": {"websocket"}, "Origin": {origin}}
		if got := ask(t, v, connect); got.Status != want {
			t.Errorf("CONNECT from %s: %d, want %d", origin, got.Status, want)
		}
	}
}

// TestAnswersOfOnesOwn: OnRefused, WriteError, Check, Where, HeaderField and
// Optional.
func TestAnswersOfOnesOwn(t *testing.T) {
	k := generate(t, jose.ES256)
	config := static(k, &clock{start})
	config.Places = []verify.Place{verify.HeaderField("cf-access-jwt-assertion")}
	var refused []error
	config.OnRefused = func(w http.ResponseWriter, r *http.Request, err error) {
		refused = append(refused, err)
		w.Header().Set("X-Own", r.URL.Path)
		verify.WriteError(w, err)
	}
	v := open(t, config)
	token := sign(t, k, claims(nil), nil)
	ofAna := verify.Where(func(c verify.Claims) bool { return c.Subject() == "ana" })
	serve := func(headers []string, needs ...verify.Requirement) (answered, string) {
		t.Helper()
		w, anonymous := httptest.NewRecorder(), ""
		v.RequireFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, ok := verify.FromContext(r.Context()); !ok {
				anonymous = "anonymous"
			}
			w.WriteHeader(204)
		}, needs...).ServeHTTP(w, request("GET", "", headers...))
		return answered{Status: w.Code}, anonymous + w.Header().Get("X-Own")
	}
	good, bad := []string{"Cf-Access-Jwt-Assertion", token}, []string{"Cf-Access-Jwt-Assertion", token + "x"}
	for what, test := range map[string]struct {
		headers []string
		needs   []verify.Requirement
		status  int
		own     string
		err     error
	}{
		"good":                {good, nil, 204, "", nil},
		"none":                {nil, nil, 401, "/x", verify.ErrNoToken},
		"bad":                 {bad, nil, 401, "/x", verify.ErrInvalid},
		"another header":      {[]string{"Authorization", "Bearer " + token}, nil, 401, "/x", verify.ErrNoToken},
		"two":                 {append(good, good...), nil, 400, "/x", verify.ErrRequest},
		"scope":               {good, []verify.Requirement{verify.Scope("x")}, 403, "/x", verify.ErrScope},
		"fresh":               {good, []verify.Requirement{verify.FreshWithin(time.Second)}, 401, "/x", verify.ErrNotFresh},
		"where":               {good, []verify.Requirement{ofAna}, 403, "/x", verify.ErrForbidden},
		"optional, good":      {good, []verify.Requirement{verify.Optional()}, 204, "", nil},
		"optional, none":      {nil, []verify.Requirement{verify.Optional()}, 204, "anonymous", nil},
		"optional, bad":       {bad, []verify.Requirement{verify.Optional()}, 401, "/x", verify.ErrInvalid},
		"optional, two":       {append(good, good...), []verify.Requirement{verify.Optional()}, 400, "/x", verify.ErrRequest},
		"optional, and open":  {nil, []verify.Requirement{verify.Optional(), verify.Open()}, 204, "anonymous", nil},
		"a scope that it has": {good, []verify.Requirement{verify.Scope("account")}, 204, "", nil},
	} {
		refused = nil
		got, own := serve(test.headers, test.needs...)
		if got.Status != test.status || own != test.own || (len(refused) != 0) != (test.err != nil) || test.err != nil && !errors.Is(refused[0], test.err) {
			t.Errorf("%s: %d, %q, %v; want %d, %q, %v", what, got.Status, own, refused, test.status, test.own, test.err)
		}
	}
	c, place, err := v.VerifyRequest(request("GET", "", good...))
	if err != nil || place != verify.HeaderField("Cf-Access-JWT-Assertion") {
		t.Fatal(err)
	}
	for err, want := range map[error]error{
		v.Check(c): nil, v.Check(c, verify.Scope("account"), verify.Scope("x")): verify.ErrScope, v.Check(c, ofAna): verify.ErrForbidden,
		v.Check(verify.Claims{}): verify.ErrInvalid, v.Check(verify.Claims{}, verify.Open()): verify.ErrInvalid,
	} {
		if !errors.Is(err, want) {
			t.Errorf("Check: %v, want %v", err, want)
		}
	}
	w := httptest.NewRecorder()
	verify.WriteError(w, errors.New("anything else"))
	if w.Code != 503 || strings.Contains(w.Body.String(), "anything") {
		t.Errorf("an error of somebody else: %d %s", w.Code, w.Body)
	}
	for what, mount := range map[string]func(){
		"where nothing":      func() { verify.Where(nil) },
		"optional and scope": func() { v.Require(http.NotFoundHandler(), verify.Optional(), verify.Scope("a")) },
		"optional and where": func() { v.Require(http.NotFoundHandler(), ofAna, verify.Optional()) },
		"check of nothing":   func() { _ = v.Check(c, verify.Requirement{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", what)
				}
			}()
			mount()
		}()
	}
	for _, name := range []string{"", "authorization", "Cookie", "a b", "a:b"} {
		config := static(k, &clock{start})
		config.Places = []verify.Place{verify.HeaderField(name)}
		if _, err := verify.New(t.Context(), config); !errors.Is(err, verify.ErrConfig) {
			t.Errorf("header %q: %v", name, err)
		}
	}
}
