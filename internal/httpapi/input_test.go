package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
)

// post sends a body as it stands.
func post(t *testing.T, a *apptest.App, path, contentType, body string) (*http.Response, api.Problem, string) {
	t.Helper()
	r, err := http.NewRequest("POST", a.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	resp, text := a.Do(r)
	var p api.Problem
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatalf("%s answered no problem: %s", path, text)
	}
	return resp, p, text
}

func TestBadInput(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp("taken@example.com")
	long := strings.Repeat("x", 255)
	tests := []struct {
		name, path, body string
		status           int
		code             string
		field            string // must be named
		detail           string // must be part of the details
	}{
		{"empty", "/v1/login", ``, 400, "json_invalid", "", "line 1, column 1"},
		{"cut off", "/v1/login", `{"identifier":"a"`, 400, "json_invalid", "", "line 1, column 18"},
		{"stray comma", "/v1/login", "{\n  \"identifier\": ,\n}", 400, "json_invalid", "", "line 2, column 17"},
		{"column counts characters", "/v1/login", `{"ééé" x}`, 400, "json_invalid", "", "line 1, column 8"},
		{"two values", "/v1/login", `{} {}`, 400, "json_invalid", "", "line 1, column 4"},
		{"single quotes", "/v1/login", `{'identifier':'a'}`, 400, "json_invalid", "", "line 1, column 2"},
		{"invalid UTF-8", "/v1/login", "{\"identifier\":\"\xff\",\"password\":\"x\"}", 400, "json_invalid", "", "UTF-8"},
		{"half a character", "/v1/login", `{"identifier":"a","password":"hunter2\ud800"}`, 400, "json_invalid", "", "half a character"},
		{"other half", "/v1/login", `{"identifier":"a","password":"\udc00hunter2"}`, 400, "json_invalid", "", "half a character"},
		{"two first halves", "/v1/login", `{"identifier":"a","password":"\ud83d\ud83dhunter2"}`, 400, "json_invalid", "", "half a character"},
		{"whole character", "/v1/login", `{"identifier":"a","password":"\ud83d\ude00hunter2"}`, 401, "invalid_credentials", "", ""},
		{"escaped backslash", "/v1/login", `{"identifier":"a","password":"\\ud800hunter2"}`, 401, "invalid_credentials", "", ""},
		{"number beyond floats", "/v1/login", `{"identifier":1e400,"password":"hunter2hunter2"}`, 422, "input_invalid", "identifier", "out of range"},
		{"an id as identifier", "/v1/accounts", `{"identifier":"965a9aea-0465-4fcb-86f9-45caa9fec600","password":"hunter2hunter2"}`, 422, "identifier_invalid", "", ""},
		{"array", "/v1/login", `[]`, 422, "input_invalid", "(body)", "object"},
		{"null", "/v1/login", `null`, 422, "input_invalid", "(body)", "object"},
		{"wrong type", "/v1/login", `{"identifier":7,"password":"hunter2hunter2"}`, 422, "input_invalid", "identifier", "string"},
		{"null field", "/v1/login", `{"identifier":"a","password":null}`, 422, "input_invalid", "password", ""},
		{"unknown field", "/v1/login", `{"identifier":"a","password":"hunter2hunter2","admin":true}`, 422, "input_invalid", "admin", "unknown"},
		{"other spelling", "/v1/login", `{"identifier":"a","Password":"hunter2hunter2"}`, 422, "input_invalid", "Password", "unknown"},
		{"duplicate field", "/v1/login", `{"identifier":"a","password":"hunter2hunter2","password":"x"}`, 422, "input_invalid", "password", "more than once"},
		{"escaped duplicate", "/v1/login", `{"identifier":"a","password":"x","p\u0061ssword":"hunter2hunter2"}`, 422, "input_invalid", "password", "more than once"},
		{"missing field", "/v1/login", `{"identifier":"a"}`, 422, "input_invalid", "password", "required"},
		{"no identifier", "/v1/login", `{"password":"hunter2hunter2"}`, 422, "input_invalid", "identifier", "required"},
		{"two identifiers", "/v1/login", `{"email":"a@b.c","username":"d","password":"hunter2hunter2"}`, 422, "input_invalid", "identifier", "one of"},
		{"long identifier", "/v1/login", `{"identifier":"` + long + `","password":"hunter2hunter2"}`, 422, "input_invalid", "identifier", "254"},
		{"long password", "/v1/login", `{"identifier":"a","password":"` + strings.Repeat("x", 1025) + `"}`, 422, "input_invalid", "password", "1024"},
		{"long new identifier", "/v1/accounts", `{"identifier":"` + long + `","password":"hunter2hunter2"}`, 422, "input_invalid", "identifier", "254"},
		{"short new password", "/v1/accounts", `{"identifier":"new","password":"hunter2"}`, 422, "password_too_short", "", "8"},
		{"long new password", "/v1/accounts", `{"identifier":"new","password":"` + strings.Repeat("x ", 129) + `"}`, 422, "password_too_long", "", "256"},
		{"common new password", "/v1/accounts", `{"identifier":"new","password":"Flamengo2024"}`, 422, "password_common", "", "words"},
		{"new password of the service", "/v1/accounts", `{"identifier":"new","password":"P0rtaria!"}`, 422, "password_refused_word", "", ""},
		{"new password of the identifier", "/v1/accounts", `{"identifier":"jose.almeida@example.com","password":"josealmeida1987"}`, 422, "password_is_identifier", "", ""},
		{"password is identifier", "/v1/accounts", `{"identifier":"someone@example.com","password":"Someone@example.com"}`, 422, "password_is_identifier", "", ""},
		{"identifier of spaces", "/v1/accounts", `{"identifier":"   ","password":"hunter2hunter2"}`, 422, "identifier_invalid", "", ""},
		{"control character", "/v1/accounts", `{"identifier":"a\u0000b","password":"hunter2hunter2"}`, 422, "identifier_invalid", "", ""},
		{"taken", "/v1/accounts", `{"identifier":"taken@example.com","password":"hunter2hunter2"}`, 409, "identifier_taken", "", ""},
		{"taken, other case", "/v1/accounts", `{"email":"TAKEN@Example.COM","password":"hunter2hunter2"}`, 409, "identifier_taken", "", ""},
		{"refresh token of junk", "/v1/refresh", `{"refresh_token":"hunter2hunter2"}`, 401, "refresh_token_invalid", "", ""},
		{"long refresh token", "/v1/refresh", `{"refresh_token":"` + strings.Repeat("a", 513) + `"}`, 422, "input_invalid", "refresh_token", "512"},
		{"too large", "/v1/login", `{"identifier":"` + strings.Repeat("a", api.MaxBody) + `"}`, 413, "body_too_large", "", "65536"},
		{"deeply nested", "/v1/login", strings.Repeat("[", 30000), 400, "json_invalid", "", "nested"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			resp, p, text := post(t, a, test.path, "application/json", test.body)
			if resp.StatusCode != test.status || p.Status != test.status || p.Code != test.code {
				t.Fatalf("got %d %s, want %d %s", resp.StatusCode, text, test.status, test.code)
			}
			if ct := resp.Header.Get("Content-Type"); ct != "application/problem+json" {
				t.Errorf("Content-Type is %s", ct)
			}
			if p.Type != "urn:portaria:problem:"+p.Code || p.Title == "" || p.RequestID != resp.Header.Get("X-Request-Id") {
				t.Errorf("incomplete problem %s", text)
			}
			if test.field != "" && !named(p, test.field) {
				t.Errorf("field %s is not named in %s", test.field, text)
			}
			if !strings.Contains(strings.ToLower(text), strings.ToLower(test.detail)) {
				t.Errorf("%q is not in %s", test.detail, text)
			}
			if strings.Contains(text, "hunter2") {
				t.Errorf("a value is echoed: %s", text)
			}
		})
	}
	list, err := a.Admin().Accounts(t.Context(), api.AccountPage{})
	if err != nil || len(list.Accounts) != 1 {
		t.Fatalf("%d accounts after all this (error %v), want only the first", len(list.Accounts), err)
	}
}

func named(p api.Problem, field string) bool {
	for _, f := range p.Errors {
		if f.Field == field {
			return true
		}
	}
	return false
}

func TestFieldNamesOfStrangersAreBounded(t *testing.T) {
	a := apptest.Start(t)
	_, p, text := post(t, a, "/v1/login", "application/json", `{"`+strings.Repeat("x", 60000)+`":1,"identifier":"a","password":"b"}`)
	if p.Code != "input_invalid" || len(text) > 1000 {
		t.Fatalf("%d bytes of answer, code %s", len(text), p.Code)
	}
}

func TestManyFaultsAreBounded(t *testing.T) {
	a := apptest.Start(t)
	var body strings.Builder
	body.WriteString(`{"identifier":"a","password":"b"`)
	for range 5000 {
		body.WriteString(`,"x":1`)
	}
	body.WriteString("}")
	if _, _, text := post(t, a, "/v1/login", "application/json", body.String()); len(text) > 4000 {
		t.Fatalf("%d bytes of answer", len(text))
	}
}

func TestBadQueries(t *testing.T) {
	a := apptest.Start(t)
	_, tokens := a.SignUp("ana@example.com")
	for query, code := range map[string]string{
		"limit=0": "input_invalid", "limit=-1": "input_invalid", "limit=x": "input_invalid", "limit=": "input_invalid", "cursor=": "input_invalid",
		"limit=1&limit=2": "input_invalid", "limt=1": "input_invalid", "%zz": "query_invalid", "limit=1;cursor=2": "query_invalid",
		"cursor=" + strings.Repeat("A", 2000): "input_invalid",
	} {
		_, text := get(t, a, "/v1/sessions?"+query, "Authorization", "Bearer "+tokens.AccessToken)
		if !strings.Contains(text, `"`+code+`"`) {
			t.Errorf("%s: %s", query, text)
		}
	}
}

func TestContentType(t *testing.T) {
	a := apptest.Start(t)
	body := `{"identifier":"nobody","password":"hunter2hunter2"}`
	for _, good := range []string{"application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"} {
		if resp, _, text := post(t, a, "/v1/login", good, body); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", good, resp.StatusCode, text)
		}
	}
	for _, bad := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/jsonp"} {
		if resp, p, _ := post(t, a, "/v1/login", bad, body); resp.StatusCode != http.StatusUnsupportedMediaType || p.Code != "media_type_unsupported" {
			t.Errorf("%s: %d %s", bad, resp.StatusCode, p.Code)
		}
	}
}

func TestUnroutedRequests(t *testing.T) {
	a := apptest.Start(t)
	tests := []struct {
		method, path string
		status       int
		code, allow  string
	}{
		{"GET", "/", 404, "route_not_found", ""},
		{"GET", "/v1/nothing", 404, "route_not_found", ""},
		{"GET", "/v1/login", 405, "method_not_allowed", "POST"},
		{"DELETE", "/v1/me", 405, "method_not_allowed", "GET, HEAD"},
		{"BREW", "/v1/me", 405, "method_not_allowed", "GET, HEAD"},
	}
	for _, test := range tests {
		r, err := http.NewRequest(test.method, a.URL+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, text := a.Do(r)
		if resp.StatusCode != test.status || !strings.Contains(text, test.code) || resp.Header.Get("Allow") != test.allow {
			t.Errorf("%s %s: %d, Allow %q, %s", test.method, test.path, resp.StatusCode, resp.Header.Get("Allow"), text)
		}
	}
}

// FuzzDecode sends anything as a body: the answer is a problem that repeats no
// value, never a 500.
func FuzzDecode(f *testing.F) {
	a := apptest.Start(f)
	for _, seed := range []string{`{}`, `{"identifier":"a","password":"b"}`, `{"a":{"a":[1,2,{}]}}`, `[[[`, "{\"a\":\"\xff\"}",
		`{"identifier":"a","identifier":"b"}`, `{"IDENTIFIER":"a"}`, `{"identifier":1e999}`, `"\ud800"`, `nul`} {
		for n := range seed { // what is cut off must be refused, and panic nowhere
			f.Add(seed[:n])
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r, err := http.NewRequest("POST", a.URL+"/v1/login", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var p api.Problem
		if err := json.NewDecoder(resp.Body).Decode(&p); err != nil || p.Code == "" || resp.StatusCode >= 500 {
			t.Fatalf("%q: %d %+v", body, resp.StatusCode, p)
		}
	})
}
