package verify_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify"
)

// answered is what a caller sees.
type answered struct {
	Status    int
	Challenge string
	Code      string
}

var letIn = answered{Status: 204}

// ask sends a request through Require and checks what every answer has.
func ask(t testing.TB, v *verify.Verifier, r *http.Request, requirements ...verify.Requirement) answered {
	t.Helper()
	w := httptest.NewRecorder()
	v.RequireFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := verify.FromContext(r.Context()); !ok || c.Subject() == "" {
			t.Error("let in without claims")
		}
		w.WriteHeader(http.StatusNoContent)
	}, requirements...).ServeHTTP(w, r)
	got := answered{Status: w.Code, Challenge: w.Header().Get("WWW-Authenticate")}
	if w.Code == http.StatusNoContent {
		return got
	}
	var p api.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Errorf("answer %q: %v", w.Body, err)
	}
	if p.Status != w.Code || p.Title == "" || p.Type != "urn:portaria:problem:"+p.Code || w.Header().Get("Content-Type") != "application/problem+json" ||
		w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("problem %+v, headers %v", p, w.Header())
	}
	got.Code = p.Code
	return got
}

func request(method, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, "https://orders.example.com/x?access_token=abc", strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func TestRequire(t *testing.T) {
	k, c := generate(t, jose.ES256), &clock{start}
	v := open(t, static(k, c))
	good := sign(t, k, claims(nil), nil)
	missing := answered{401, "Bearer", "missing_token"}
	invalid := answered{401, `Bearer error="invalid_token"`, "token_invalid"}
	several := answered{400, `Bearer error="invalid_request"`, "invalid_request"}
	check := func(what string, want answered, headers ...string) {
		t.Helper()
		for _, method := range []string{"GET", "POST", "DELETE"} {
			if diff := cmp.Diff(want, ask(t, v, request(method, "", headers...))); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", method, what, diff)
			}
		}
	}
	check("good", letIn, "Authorization", "Bearer "+good)
	check("scheme in another case", letIn, "Authorization", "bEARER  "+good)
	check("nothing, and a token in the query", missing)
	check("another scheme", missing, "Authorization", "Basic "+good)
	check("the scheme alone", answered{401, `Bearer error="invalid_token"`, "token_invalid"}, "Authorization", "Bearer")
	check("forged", invalid, "Authorization", "Bearer "+good[:len(good)-8]+"AAAAAAAA")
	check("another audience", invalid, "Authorization", "Bearer "+sign(t, k, claims(m{"aud": "x"}), nil))
	check("expired", answered{401, `Bearer error="invalid_token"`, "token_expired"}, "Authorization",
		"Bearer "+sign(t, k, claims(m{"exp": start.Add(-time.Hour).Unix()}), nil))
	check("two headers", several, "Authorization", "Bearer "+good, "Authorization", "Bearer "+good)
	check("two headers, one of another scheme", several, "Authorization", "Basic eDp5", "Authorization", "Bearer "+good)
	check("cookie, where none is allowed", missing, "Cookie", "__Host-token="+good)
	if _, ok := verify.FromContext(t.Context()); ok {
		t.Error("claims out of nowhere")
	}
	if _, ok := verify.FromContext(verify.NewContext(t.Context(), verify.Claims{})); ok {
		t.Error("zero claims count as somebody")
	}
}

func TestRequirements(t *testing.T) {
	k, c := generate(t, jose.ES256), &clock{start}
	v := open(t, static(k, c))
	check := func(what string, want answered, changes m, requirements ...verify.Requirement) {
		t.Helper()
		got := ask(t, v, request("GET", "", "Authorization", "Bearer "+sign(t, k, claims(changes), nil)), requirements...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	scope := func(scope string) answered {
		return answered{403, `Bearer error="insufficient_scope", scope="` + scope + `"`, "insufficient_scope"}
	}
	stale := answered{401, `Bearer error="insufficient_user_authentication", max_age="60"`, "insufficient_user_authentication"}
	check("scope", letIn, nil, verify.Scope("orders:read"))
	check("scopes", letIn, nil, verify.Scope("orders:read", "account"), verify.Scope("account"))
	check("missing scope", scope("orders:write"), nil, verify.Scope("orders:write"))
	check("one of two", scope("account orders:write"), nil, verify.Scope("account", "orders:write"))
	check("part of a scope", scope("orders"), nil, verify.Scope("orders"))
	check("another case", scope("Account"), nil, verify.Scope("Account"))
	check("no scope", scope("account"), m{"scope": nil}, verify.Scope("account"))
	check("proved a minute ago", letIn, nil, verify.FreshWithin(time.Minute))
	check("a second more", stale, m{"auth_time": start.Add(-61 * time.Second).Unix()}, verify.FreshWithin(time.Minute))
	check("never proved", stale, m{"auth_time": nil}, verify.FreshWithin(time.Minute))
	check("never proved, however long that may be ago", answered{401, `Bearer error="insufficient_user_authentication", max_age="6307200000"`,
		"insufficient_user_authentication"}, m{"auth_time": nil}, verify.FreshWithin(200*365*24*time.Hour))
	check("proved in the future", stale, m{"auth_time": start.Add(time.Hour).Unix()}, verify.FreshWithin(time.Minute))
	check("long enough", letIn, m{"auth_time": start.Add(-time.Hour).Unix()}, verify.FreshWithin(time.Hour))
	check("fresh, without the scope", scope("x"), nil, verify.FreshWithin(time.Minute), verify.Scope("x"))
	defer func() {
		if recover() == nil {
			t.Error("FreshWithin(0) is no mistake")
		}
	}()
	verify.FreshWithin(0)
}

// TestFreshnessOfCachedTokens is looked at each time, as all requirements are.
func TestFreshnessOfCachedTokens(t *testing.T) {
	k, c := generate(t, jose.ES256), &clock{start}
	v := open(t, static(k, c))
	token := "Bearer " + sign(t, k, claims(nil), nil)
	for _, want := range []int{204, 204, 401} {
		if got := ask(t, v, request("GET", "", "Authorization", token), verify.FreshWithin(2*time.Minute)); got.Status != want {
			t.Errorf("%v after sign-in: %d, want %d", c.now.Sub(start), got.Status, want)
		}
		c.advance(59 * time.Second)
	}
	if got := ask(t, v, request("GET", "", "Authorization", token)); got != letIn {
		t.Errorf("without the requirement: %v", got)
	}
}

func TestUnavailable(t *testing.T) {
	o := listen(t)
	v := open(t, o.config((&clock{start}).Now))
	got := ask(t, v, request("GET", "", "Authorization", "Bearer "+o.token(t, generate(t, jose.ES256))))
	if diff := cmp.Diff(answered{503, "", "verification_unavailable"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCookies(t *testing.T) {
	const name = "__Host-access"
	k := generate(t, jose.ES256)
	config := static(k, &clock{start})
	config.Places = []verify.Place{verify.Header(), verify.Cookie(name)}
	v := open(t, config)
	good, plain := sign(t, k, claims(m{"csrf": "c5d6"}), nil), sign(t, k, claims(nil), nil)
	crossSite := answered{403, "", "cross_site_request"}
	several := answered{400, `Bearer error="invalid_request"`, "invalid_request"}
	missing := answered{401, "Bearer", "missing_token"}
	check := func(what string, want answered, method string, headers ...string) {
		t.Helper()
		if diff := cmp.Diff(want, ask(t, v, request(method, "", headers...))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	cookie := name + "=" + good
	check("reading", letIn, "GET", "Cookie", cookie)
	check("reading from another site", letIn, "HEAD", "Cookie", cookie, "Sec-Fetch-Site", "cross-site")
	check("writing", letIn, "POST", "Cookie", cookie, "X-CSRF-Token", "c5d6", "Sec-Fetch-Site", "same-origin")
	check("writing, no browser", letIn, "DELETE", "Cookie", cookie, "X-CSRF-Token", "c5d6")
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "post", "get", "X"} {
		check(method+" without the value", crossSite, method, "Cookie", cookie)
	}
	check("another value", crossSite, "POST", "Cookie", cookie, "X-CSRF-Token", "c5d7")
	check("empty value", crossSite, "POST", "Cookie", cookie, "X-CSRF-Token", "")
	check("two values", crossSite, "POST", "Cookie", cookie, "X-CSRF-Token", "c5d6", "X-CSRF-Token", "c5d6")
	check("from another site", crossSite, "POST", "Cookie", cookie, "X-CSRF-Token", "c5d6", "Sec-Fetch-Site", "cross-site")
	check("from a neighbour", crossSite, "POST", "Cookie", cookie, "X-CSRF-Token", "c5d6", "Sec-Fetch-Site", "same-site")
	check("from another origin", crossSite, "POST", "Cookie", cookie, "X-CSRF-Token", "c5d6", "Origin", "https://evil.example")
	check("token without csrf", crossSite, "POST", "Cookie", name+"="+plain, "X-CSRF-Token", "")
	check("token without csrf, reading", letIn, "GET", "Cookie", name+"="+plain)
	check("header needs none of it", letIn, "POST", "Authorization", "Bearer "+plain, "Sec-Fetch-Site", "cross-site")
	check("two cookies", several, "GET", "Cookie", cookie+"; "+cookie)
	check("header and cookie", several, "GET", "Cookie", cookie, "Authorization", "Bearer "+good)
	check("another cookie", missing, "GET", "Cookie", "access="+good)
	check("cookie in another case", missing, "GET", "Cookie", strings.ToUpper(name)+"="+good)
	check("empty cookie", answered{401, `Bearer error="invalid_token"`, "token_invalid"}, "GET", "Cookie", name+"=")
}

func TestBodies(t *testing.T) {
	k := generate(t, jose.ES256)
	config := static(k, &clock{start})
	config.Places = []verify.Place{verify.Header(), verify.BodyField("access_token")}
	v := open(t, config)
	good := sign(t, k, claims(nil), nil)
	several := answered{400, `Bearer error="invalid_request"`, "invalid_request"}
	missing := answered{401, "Bearer", "missing_token"}
	const asForm, asJSON = "application/x-www-form-urlencoded", "application/json; charset=utf-8"
	check := func(what string, want answered, kind, body string, headers ...string) {
		t.Helper()
		r := request("POST", body, append(headers, "Content-Type", kind)...)
		var left string
		w := httptest.NewRecorder()
		v.RequireFunc(func(_ http.ResponseWriter, r *http.Request) {
			text, _ := io.ReadAll(r.Body)
			left = string(text)
		}).ServeHTTP(w, r)
		if want == letIn && left != body {
			t.Errorf("%s: the handler reads %q of %q", what, left, body)
		}
		if diff := cmp.Diff(want, ask(t, v, request("POST", body, append(headers, "Content-Type", kind)...))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	object := `{"amount":7,"access_token":"` + good + `"}`
	check("JSON", letIn, asJSON, object)
	check("form", letIn, asForm, "amount=7&access_token="+good)
	check("header, and a body without one", letIn, asJSON, `{"amount":7}`, "Authorization", "Bearer "+good)
	check("header, and a list", letIn, asJSON, `[{"access_token":"x"}]`, "Authorization", "Bearer "+good)
	check("header, and nothing", letIn, asJSON, "", "Authorization", "Bearer "+good)
	for _, body := range []string{`{"amount":`, `{"access_token":"x","access_token":"y"}`, `{"Access_Token":"x"}`, `{"acce\u017f\u017f_token":"x"}`,
		`{"amount":7} {"access_token":"x"}`, `{"access_token":"x"} tail`, `[] {"access_token":"x"}`, `{"access_token":["x"]}`, "\ufeff" + object} {
		check("header, and "+body, several, asJSON, body, "Authorization", "Bearer "+good)
	}
	for _, method := range []string{"GET", "HEAD"} {
		if got := ask(t, v, request(method, object, "Content-Type", asJSON)); got != missing {
			t.Errorf("in the body of %s: %+v", method, got)
		}
	}
	check("header, and a large body of another kind", letIn, "image/png", strings.Repeat("x", 100_000), "Authorization", "Bearer "+good)
	check("header and body", several, asJSON, object, "Authorization", "Bearer "+good)
	check("twice in a form", several, asForm, "access_token="+good+"&access_token="+good)
	check("twice in JSON", several, asJSON, `{"access_token":"`+good+`","access_token":"`+good+`"}`)
	check("in another case", several, asJSON, `{"Access_Token":"`+good+`"}`)
	check("deeper inside", missing, asJSON, `{"x":`+object+`}`)
	check("a number", several, asJSON, `{"access_token":7}`)
	check("broken form", several, asForm, "access_token=%zz")
	check("another kind of body", missing, "text/plain", object)
	check("no kind", missing, "", object)
	check("too large", answered{413, "", "body_too_large"}, asJSON, object+strings.Repeat(" ", 64<<10))
}

// TestMistakesAtMounting: what would let everybody in, or nobody, does not start.
func TestMistakesAtMounting(t *testing.T) {
	k := generate(t, jose.ES256)
	v := open(t, static(k, &clock{start}))
	handler := http.NotFoundHandler()
	for what, mount := range map[string]func(){
		"no scope":         func() { verify.Scope() },
		"empty scope":      func() { verify.Scope("") },
		"quoted scope":     func() { verify.Scope("a\"b") },
		"scope of lines":   func() { verify.Scope("a\r\nX: y") },
		"two in one":       func() { verify.Scope("a b") },
		"another empty":    func() { verify.Scope("a", "") },
		"no requirement":   func() { v.Require(handler, verify.Requirement{}) },
		"one of two":       func() { v.Require(handler, verify.Scope("a"), verify.Requirement{}) },
		"no handler":       func() { v.Require(nil) },
		"no function":      func() { v.RequireFunc(nil) },
		"fresh at no time": func() { verify.FreshWithin(0) },
	} {
		t.Run(what, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it is mounted")
				}
			}()
			mount()
		})
	}
	for what, change := range map[string]func(*verify.Config){
		"audience of a space": func(c *verify.Config) { c.Audience = " " },
		"audience of lines":   func(c *verify.Config) { c.Audience = "a\nb" },
		"issuer with a space": func(c *verify.Config) { c.Issuer += " " },
		"no places":           func(c *verify.Config) { c.Places = []verify.Place{} },
		"no place":            func(c *verify.Config) { c.Places = []verify.Place{{}} },
		"cookie with a space": func(c *verify.Config) { c.Places = []verify.Place{verify.Cookie("__Host-a b")} },
		"cookie of two":       func(c *verify.Config) { c.Places = []verify.Place{verify.Cookie("__Host-a;b")} },
	} {
		c := static(k, &clock{start})
		change(&c)
		if _, err := verify.New(t.Context(), c); !errors.Is(err, verify.ErrConfig) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestPlacesAreChecked(t *testing.T) {
	for what, places := range map[string][]verify.Place{
		"cookie that another host can set": {verify.Cookie("access")}, "cookie without a name": {verify.Cookie("")},
		"prefix alone": {verify.Cookie("__Host-")}, "prefix in another case": {verify.Cookie("__host-a")},
		"field without a name": {verify.BodyField("")}, "twice": {verify.Header(), verify.Header()},
	} {
		config := static(generate(t, jose.ES256), &clock{start})
		config.Places = places
		if _, err := verify.New(t.Context(), config); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
