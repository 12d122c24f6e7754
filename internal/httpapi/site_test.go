package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
)

const metadataPath = "/.well-known/oauth-authorization-server"

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	worked(t, err)
	defer l.Close()
	return l.Addr().String()
}

func issuer(text string) apptest.Option { return func(c *config.Config) { c.Issuer = text } }

// at asks a service whose issuer is not the address that it listens on.
func at(t *testing.T, base, method, path, body string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(method, base+path, strings.NewReader(body))
	worked(t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	// RoundTrip, because a client would follow redirects.
	response, err := http.DefaultTransport.RoundTrip(r)
	worked(t, err)
	t.Cleanup(func() { response.Body.Close() })
	return response
}

func TestIssuerWithAPath(t *testing.T) {
	listen := freeAddress(t)
	for _, given := range []string{"https://login.example.org/auth", "https://login.example.org/auth/", "https://login.example.org/a%2Fb"} {
		apptest.Start(t, issuer(given), func(c *config.Config) { c.Listen = listen })
		base := "http://" + listen
		path := strings.TrimSuffix(strings.TrimPrefix(given, "https://login.example.org"), "/")
		for _, where := range []string{metadataPath + path, path + metadataPath, metadataPath} {
			response := at(t, base, "GET", where, "")
			var metadata api.Metadata
			worked(t, json.NewDecoder(response.Body).Decode(&metadata))
			if response.StatusCode != http.StatusOK || metadata.Issuer != given {
				t.Errorf("%s: %d, issuer %s", where, response.StatusCode, metadata.Issuer)
			}
			keys := at(t, base, "GET", strings.TrimPrefix(metadata.JWKSURI, "https://login.example.org"), "")
			if keys.StatusCode != http.StatusOK {
				t.Errorf("%s: %d", metadata.JWKSURI, keys.StatusCode)
			}
		}
		for where, want := range map[string]int{
			path + "/healthz": 200, path + path + "/healthz": 404, "/other" + metadataPath: 404, metadataPath + "/other": 404, path + "/v1/me": 401,
		} {
			if got := at(t, base, "GET", where, ""); got.StatusCode != want {
				t.Errorf("%s: %d, want %d", where, got.StatusCode, want)
			}
		}
		listen = freeAddress(t)
	}
}

func TestPublicDocuments(t *testing.T) {
	a := apptest.Start(t)
	for path, public := range map[string]bool{metadataPath: true, "/.well-known/jwks.json": true, "/openapi.json": true, "/healthz": false, "/v1/me": false, "/nothing": false} {
		first, _ := get(t, a, path, "Origin", "https://elsewhere.example")
		if got := first.Header.Get("Access-Control-Allow-Origin"); (got == "*") != public || first.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: Access-Control-Allow-Origin %q", path, got)
		}
		if kept := strings.HasPrefix(first.Header.Get("Cache-Control"), "public, max-age="); kept != public {
			t.Errorf("%s: Cache-Control %q", path, first.Header.Get("Cache-Control"))
		}
	}
	first, _ := get(t, a, metadataPath)
	again, body := get(t, a, metadataPath, "If-None-Match", first.Header.Get("ETag"))
	if first.Header.Get("ETag") == "" || again.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("again: %d, %q", again.StatusCode, body)
	}
}

// TestHostThatAProxyRewrote: in a browser without Sec-Fetch-Site, Origin and
// Host must agree; the proxy has changed Host.
func TestHostThatAProxyRewrote(t *testing.T) {
	listen := freeAddress(t)
	apptest.Start(t, issuer("https://login.example.org"), func(c *config.Config) { c.Listen = listen })
	base := "http://" + listen
	const who = `{"identifier":"ana","password":"correct horse battery"`
	at(t, base, "POST", "/v1/accounts", who+"}", "Content-Type", "application/json")
	for origin, want := range map[string]int{
		"https://login.example.org": 200, "http://login.example.org": 403, "https://login.example.org.evil.example": 403,
		"https://evil.example": 403, "null": 403,
	} {
		response := at(t, base, "POST", "/v1/login", who+`,"delivery":"cookie"}`, "Content-Type", "application/json", "Origin", origin)
		if response.StatusCode != want {
			t.Errorf("from %s: %d, want %d", origin, response.StatusCode, want)
		}
	}
	response := at(t, base, "POST", "/v1/login", who+`,"delivery":"cookie"}`, "Content-Type", "application/json",
		"Origin", "https://login.example.org", "Sec-Fetch-Site", "cross-site")
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("cross-site by Sec-Fetch-Site: %d", response.StatusCode)
	}
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write([]byte(text))
	worked(t, err)
	worked(t, w.Close())
	return packed.String()
}

func TestCompressedBodies(t *testing.T) {
	a := apptest.Start(t)
	const who = `{"identifier":"ana","password":"correct horse battery"}`
	packed := gzipped(t, who)
	for _, test := range []struct {
		name, encoding, body, code string
		status                     int
	}{
		{"gzip", "gzip", packed, "", 201},
		{"a bomb", "gzip", gzipped(t, strings.Repeat(" ", 10<<20)), "body_too_large", 413},
		{"no gzip", "gzip", who, "body_not_gzip", 400},
		{"cut off", "gzip", packed[:len(packed)-5], "body_incomplete", 400},
		{"damaged", "gzip", packed[:len(packed)-8] + "12345678", "body_not_gzip", 400},
		{"another", "br", packed, "content_encoding_unsupported", 415},
		{"twice", "gzip, gzip", gzipped(t, packed), "content_encoding_unsupported", 415},
		{"none", "identity", strings.Replace(who, "ana", "bia", 1), "", 201},
	} {
		response := at(t, a.URL, "POST", "/v1/accounts", test.body, "Content-Type", "application/json", "Content-Encoding", test.encoding)
		var p api.Problem
		_ = json.NewDecoder(response.Body).Decode(&p)
		if response.StatusCode != test.status || p.Code != test.code {
			t.Errorf("%s: %d %s, want %d %s", test.name, response.StatusCode, p.Code, test.status, test.code)
		}
	}
}

func TestRedirectsAreProblems(t *testing.T) {
	a := apptest.Start(t)
	for path, location := range map[string]string{
		"//v1/me": "/v1/me", "/v1/../v1/me?a=b": "/v1/me?a=b", "/v1/./me": "/v1/me", "//evil.example/..": "/", "/x/..//\\evil.example": "/%5Cevil.example",
	} {
		response := at(t, a.URL, "POST", path, "{}")
		if response.StatusCode != http.StatusTemporaryRedirect || response.Header.Get("Location") != location || response.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d to %q, %s", path, response.StatusCode, response.Header.Get("Location"), response.Header.Get("Content-Type"))
		}
	}
}
