package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/config"
)

// knownSecret is that of billing in the tests of parsers, whose seeds hold it.
const knownSecret = "0123456789abcdef0123456789abcdef"

func withBilling(c *config.Config) {
	c.Clients = []clients.Described{{Secret: knownSecret, Client: clients.Client{ID: "billing", Kind: clients.Service}}}
}

// answered sends a form, and wants an answer of RFC 6749, never a fault of ours.
// It answers the status, and 0 where no request can hold the header.
func answered(t *testing.T, a *apptest.App, body, authorization string) int {
	t.Helper()
	r, err := http.NewRequest("POST", a.URL+tokenPath, strings.NewReader(body))
	worked(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	var answer struct {
		api.OAuthError
		api.Granted
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatalf("%d: %v", resp.StatusCode, err)
	}
	said := answer.Code != "" && answer.AccessToken == "" && (resp.StatusCode == 400 || resp.StatusCode == 401)
	granted := answer.Code == "" && answer.AccessToken != "" && resp.StatusCode == 200
	if said == granted {
		t.Fatalf("%q, %q: %d %+v", body, authorization, resp.StatusCode, answer)
	}
	return resp.StatusCode
}

// FuzzTokenForm sends anything as a form: what is granted was said once, as a
// standard reader of forms reads it, and by nobody else's name.
func FuzzTokenForm(f *testing.F) {
	a := apptest.Start(f, withBilling)
	good := "grant_type=client_credentials&client_id=billing&client_secret=" + knownSecret
	for _, seed := range []string{good, good + "&scope=", good + "&a=b&a=c", good + "&resource=portaria&resource=portaria", good + "&a%00=b",
		good + "&scope=%zz", good + ";a=b", "grant%5Ftype=client_credentials&" + good, "&&=&=a", "\xff=\xfe", "grant_type=refresh_token&refresh_token=prt_x&client_id=web",
		"client_assertion=a.b.c&client_assertion_type=x&" + good} {
		for n := range seed { // what is cut off must be refused, and panic nowhere
			f.Add(seed[:n])
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if answered(t, a, body, "") != http.StatusOK {
			return
		}
		read, err := url.ParseQuery(body)
		for name, want := range map[string]string{"grant_type": api.GrantClientCredentials, "client_id": "billing", "client_secret": knownSecret} {
			if got := read[name]; err != nil || len(got) != 1 || got[0] != want {
				t.Fatalf("%q was granted a token: %v %v", body, read, err)
			}
		}
	})
}

// FuzzBasic sends anything in the header: only a client's name and secret, each
// form-encoded, open.
func FuzzBasic(f *testing.F) {
	a := apptest.Start(f, withBilling)
	for _, seed := range []string{basic("billing:" + knownSecret), basic("b%69lling:" + knownSecret), basic("billing:"), basic(":"), basic("billing"),
		basic("billing:" + knownSecret + "\x00"), basic("billing:%zz"), "Basic", "Basic ", "basic  " + basic("billing:" + knownSecret)[6:],
		"Bearer x", strings.TrimRight(basic("billing:"+knownSecret), "="), "Basic YTpi="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if answered(t, a, "grant_type=client_credentials", header) != http.StatusOK {
			return
		}
		r := http.Request{Header: http.Header{"Authorization": {"Basic " + strings.TrimSpace(strings.TrimSpace(header)[len("Basic"):])}}}
		name, secret, ok := r.BasicAuth()
		id, err1 := url.QueryUnescape(name)
		plain, err2 := url.QueryUnescape(secret)
		if !ok || err1 != nil || err2 != nil || id != "billing" || plain != knownSecret {
			t.Fatalf("%q was granted a token", header)
		}
	})
}
