package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
)

// request sends a form as it stands, with headers in pairs.
func request(t *testing.T, a *apptest.App, path, body string, header ...string) (*http.Response, api.OAuthError) {
	t.Helper()
	r, err := http.NewRequest("POST", a.URL+path, strings.NewReader(body))
	worked(t, err)
	if !slices.Contains(header, "Content-Type") {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	resp, text := a.Do(r)
	var e api.OAuthError
	if resp.StatusCode != http.StatusOK {
		if err := json.Unmarshal([]byte(text), &e); err != nil || e.Code == "" || resp.Header.Get("Content-Type") != "application/json" {
			t.Fatalf("%s: no error of RFC 6749: %s", resp.Status, text)
		}
	}
	if resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control: %q", resp.Header.Get("Cache-Control"))
	}
	return resp, e
}

// form spells pairs of names and values.
func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// basic spells HTTP Basic of what is joined already.
func basic(joined string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(joined))
}

// spareBits changes bits that a careless decoder does not look at.
func spareBits(t *testing.T, header string) string {
	t.Helper()
	bare := strings.TrimRight(header, "=")
	if bare == header {
		t.Fatal("no padding, no spare bits")
	}
	return bare[:len(bare)-1] + string(bare[len(bare)-1]+1) + header[len(bare):]
}

const tokenPath = "/oauth2/token"

// TestTokenRequests: how a client may prove itself, and everything around it
// that is refused before any secret is looked at.
func TestTokenRequests(t *testing.T) {
	a := apptest.Start(t)
	secret := registered(t, a, described("billing", "service"))
	good, grant := basic("billing:"+secret), form("grant_type", "client_credentials")
	post := form("grant_type", "client_credentials", "client_id", "billing", "client_secret", secret)
	jwt := form("grant_type", "client_credentials", "client_assertion", "a.b.c", "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	const auth, kind = "Authorization", "Content-Type"
	for what, test := range map[string]struct {
		path, body string
		header     []string
		status     int
		code       string
	}{
		"Basic":                      {tokenPath, grant, []string{auth, good}, 200, ""},
		"basic":                      {tokenPath, grant, []string{auth, "basic" + good[5:]}, 200, ""},
		"Basic, form-encoded":        {tokenPath, grant, []string{auth, basic("b%69lling:" + strings.ReplaceAll(secret, "_", "%5F"))}, 200, ""},
		"Basic and its client_id":    {tokenPath, grant + "&client_id=billing", []string{auth, good}, 200, ""},
		"post":                       {tokenPath, post, nil, 200, ""},
		"charset":                    {tokenPath, grant, []string{auth, good, kind, "application/x-www-form-urlencoded; charset=UTF-8"}, 200, ""},
		"unknown parameter":          {tokenPath, grant + "&colour=blue", []string{auth, good}, 200, ""},
		"parameter without a value":  {tokenPath, grant + "&scope=&client_secret=&resource", []string{auth, good}, 200, ""},
		"Basic and post":             {tokenPath, post, []string{auth, good}, 400, "invalid_request"},
		"Basic and an assertion":     {tokenPath, jwt, []string{auth, good}, 400, "invalid_request"},
		"post and an assertion":      {tokenPath, post + "&" + jwt[strings.Index(jwt, "client_assertion"):], nil, 400, "invalid_request"},
		"Basic and another's id":     {tokenPath, grant + "&client_id=orders", []string{auth, good}, 400, "invalid_request"},
		"two headers":                {tokenPath, grant, []string{auth, good, auth, good}, 400, "invalid_request"},
		"the same header empty":      {tokenPath, grant, []string{auth, good, auth, ""}, 400, "invalid_request"},
		"its own service by name":    {tokenPath, grant + "&resource=portaria", []string{auth, good}, 200, ""},
		"another scheme beside post": {tokenPath, post, []string{auth, "Bearer " + secret}, 401, "invalid_client"},
		"base64 with spare bits":     {tokenPath, grant, []string{auth, spareBits(t, good)}, 401, "invalid_client"},
		"another scheme":             {tokenPath, grant, []string{auth, "Bearer " + secret}, 401, "invalid_client"},
		"no base64":                  {tokenPath, grant, []string{auth, "Basic billing:" + secret}, 401, "invalid_client"},
		"base64 without padding":     {tokenPath, grant, []string{auth, "Basic YTpi="}, 401, "invalid_client"},
		"no colon":                   {tokenPath, grant, []string{auth, basic("billing")}, 401, "invalid_client"},
		"no id":                      {tokenPath, grant, []string{auth, basic(":" + secret)}, 401, "invalid_client"},
		"no secret":                  {tokenPath, grant, []string{auth, basic("billing:")}, 401, "invalid_client"},
		"a broken escape":            {tokenPath, grant, []string{auth, basic("billing:%zz")}, 401, "invalid_client"},
		"NUL in the id":              {tokenPath, grant, []string{auth, basic("billing%00:" + secret)}, 401, "invalid_client"},
		"NUL behind the secret":      {tokenPath, grant, []string{auth, basic("billing:" + secret + "\x00")}, 401, "invalid_client"},
		"Basic alone":                {tokenPath, grant, []string{auth, "Basic"}, 401, "invalid_client"},
		"wrong secret":               {tokenPath, grant, []string{auth, basic("billing:x")}, 401, "invalid_client"},
		"wrong secret, post":         {tokenPath, form("grant_type", "client_credentials", "client_id", "billing", "client_secret", "x"), nil, 400, "invalid_client"},
		"nothing":                    {tokenPath, "", nil, 400, "invalid_client"},
		"secret without id":          {tokenPath, form("grant_type", "client_credentials", "client_secret", secret), nil, 400, "invalid_client"},
		"secret in the query":        {tokenPath + "?" + post, "", nil, 400, "invalid_request"},
		"grant in the query":         {tokenPath + "?" + grant, grant, []string{auth, good}, 400, "invalid_request"},
		"an empty query":             {tokenPath + "?", grant, []string{auth, good}, 400, "invalid_request"},
		"JSON":                       {tokenPath, `{"grant_type":"client_credentials"}`, []string{auth, good, kind, "application/json"}, 400, "invalid_request"},
		"JSON called a form":         {tokenPath, `{"grant_type":"client_credentials"}`, []string{auth, good}, 400, "invalid_request"},
		"another charset":            {tokenPath, grant, []string{auth, good, kind, "application/x-www-form-urlencoded; charset=utf-7"}, 400, "invalid_request"},
		"no content type":            {tokenPath, grant, []string{auth, good, kind, ""}, 400, "invalid_request"},
		"two content types":          {tokenPath, grant, []string{auth, good, kind, "application/x-www-form-urlencoded", kind, "application/json"}, 400, "invalid_request"},
		"grant twice":                {tokenPath, grant + "&" + grant, []string{auth, good}, 400, "invalid_request"},
		"grant twice, another":       {tokenPath, grant + "&grant_type=refresh_token", []string{auth, good}, 400, "invalid_request"},
		"grant twice by escapes":     {tokenPath, grant + "&grant%5Ftype=client_credentials", []string{auth, good}, 400, "invalid_request"},
		"an unknown parameter twice": {tokenPath, grant + "&a=1&a=2", []string{auth, good}, 400, "invalid_request"},
		"two resources":              {tokenPath, grant + "&resource=portaria&resource=portaria", []string{auth, good}, 400, "invalid_target"},
		"a resource with NUL":        {tokenPath, grant + "&resource=a%00", []string{auth, good}, 400, "invalid_request"},
		"a scope with a line break":  {tokenPath, grant + "&scope=a%0Ab", []string{auth, good}, 400, "invalid_request"},
		"invalid UTF-8":              {tokenPath, grant + "&scope=%ff", []string{auth, good}, 400, "invalid_request"},
		"a broken escape in it":      {tokenPath, grant + "&scope=%zz", []string{auth, good}, 400, "invalid_request"},
		"NUL in a name":              {tokenPath, grant + "&a%00=b", []string{auth, good}, 400, "invalid_request"},
		"NUL in a known name":        {tokenPath, grant + "&scope%00=a", []string{auth, good}, 400, "invalid_request"},
		"a line break in a name":     {tokenPath, grant + "&a%0A", []string{auth, good}, 400, "invalid_request"},
		"a name in invalid UTF-8":    {tokenPath, grant + "&%ff=a", []string{auth, good}, 400, "invalid_request"},
		"semicolons":                 {tokenPath, grant + ";scope=a", []string{auth, good}, 400, "invalid_request"},
		"a huge body":                {tokenPath, grant + "&scope=" + strings.Repeat("a", 1<<20), []string{auth, good}, 400, "invalid_request"},
		"very many parameters":       {tokenPath, grant + strings.Repeat("&a=b", 30000), []string{auth, good}, 400, "invalid_request"},
		"a huge secret":              {tokenPath, form("grant_type", "client_credentials", "client_id", "billing", "client_secret", strings.Repeat("a", 60<<10)), nil, 400, "invalid_client"},
		"a huge id":                  {tokenPath, form("grant_type", "client_credentials", "client_id", strings.Repeat("a", 60<<10), "client_secret", "x"), nil, 400, "invalid_client"},
	} {
		t.Run(what, func(t *testing.T) {
			resp, e := request(t, a, test.path, test.body, test.header...)
			if resp.StatusCode != test.status || e.Code != test.code {
				t.Errorf("%d %q (%s), want %d %q", resp.StatusCode, e.Code, e.Description, test.status, test.code)
			}
			if test.status == http.StatusOK && resp.Header.Get("Pragma") != "no-cache" {
				t.Error("a cache of HTTP/1.0 may keep the token (RFC 6749 §5.1)")
			}
			challenge := resp.Header.Get("WWW-Authenticate")
			if asked := strings.HasPrefix(challenge, "Basic "); asked != (test.status == http.StatusUnauthorized) {
				t.Errorf("WWW-Authenticate: %q", challenge)
			}
		})
	}
	if !strings.Contains(a.Log.String(), "authorization is not HTTP Basic") {
		t.Error("the log does not say why a client was refused")
	}
	if log := a.Log.String(); strings.Contains(log, secret) || strings.Contains(log, url.QueryEscape(secret)) {
		t.Error("the log holds the secret")
	}
}

// TestRefusedClientsAreAlike: who asks learns nothing of who is registered.
func TestRefusedClientsAreAlike(t *testing.T) {
	a := apptest.Start(t)
	registered(t, a, described("billing", "service"))
	barred := registered(t, a, described("barred", "service"))
	worked(t, a.Admin().DisableClient(t.Context(), "barred"))
	var first string
	for _, who := range []string{"billing:wrong", "nobody:wrong", "barred:" + barred} {
		r, err := http.NewRequest("POST", a.URL+tokenPath, strings.NewReader("grant_type=client_credentials"))
		worked(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", basic(who))
		resp, text := a.Do(r)
		resp.Header.Del("Date")
		resp.Header.Del("X-Request-Id")
		answer := resp.Status + text
		for name, values := range resp.Header {
			if len(values) != 1 {
				t.Errorf("%s: %v", name, values)
			}
		}
		if first == "" {
			first = answer
		}
		if answer != first {
			t.Errorf("%s: %s, others %s", who, answer, first)
		}
	}
}
