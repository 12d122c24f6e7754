package verify_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify"
)

// manual is a verifier that gets its keys by hand.
func manual(t testing.TB, c *clock) *verify.Verifier {
	t.Helper()
	return open(t, verify.Config{Issuer: issuer, Audience: "orders", ManualKeys: true, Now: c.Now})
}

func set(t testing.TB, v *verify.Verifier, public, secrets []byte) {
	t.Helper()
	if err := v.SetKeySet(public, secrets); err != nil {
		t.Fatal(err)
	}
}

// secretSet is a set of whole keys.
func secretSet(keys ...jose.Key) []byte {
	var all [][]byte
	for _, k := range keys {
		all = append(all, k.RevealJWK())
	}
	return jose.KeySetJSON(all)
}

func TestManualKeysComeAndGo(t *testing.T) {
	c := &clock{start}
	first, second := generate(t, jose.ES256), generate(t, jose.ES256)
	token, next := sign(t, first, claims(nil), nil), sign(t, second, claims(nil), nil)
	v := manual(t, c)
	refuse(t, v, token, verify.ErrUnavailable)
	if v.Health() == nil {
		t.Error("healthy without keys")
	}
	set(t, v, keySet(first), nil)
	for range 2 { // from the cache the second time
		accept(t, v, token)
	}
	refuse(t, v, next, verify.ErrKey)
	set(t, v, keySet(first, second), nil)
	accept(t, v, token)
	accept(t, v, next)
	if n, _ := v.Cached(); n != 2 {
		t.Errorf("%d cached, want 2", n)
	}
	set(t, v, keySet(second), nil)
	refuse(t, v, token, verify.ErrKey)
	accept(t, v, next)
	// Another key under the kid of the one that was withdrawn.
	other, err := generate(t, jose.ES256).WithKid(second.Kid())
	if err != nil {
		t.Fatal(err)
	}
	set(t, v, keySet(other), nil)
	refuse(t, v, next, verify.ErrSignature)
	set(t, v, keySet(second), nil)
	accept(t, v, next)
	for _, empty := range [][]byte{nil, []byte(`{"keys":[]}`)} {
		set(t, v, empty, empty)
		refuse(t, v, next, verify.ErrKey)
		set(t, v, keySet(second), nil)
		accept(t, v, next)
	}
}

func TestManualSecrets(t *testing.T) {
	c := &clock{start}
	public := generate(t, jose.ES256)
	old, young := generate(t, jose.HS256), generate(t, jose.HS512)
	v := manual(t, c)
	tokens := map[string]jose.Key{}
	for _, k := range []jose.Key{public, old, young} {
		tokens[sign(t, k, claims(nil), nil)] = k
	}
	set(t, v, keySet(public), secretSet(old, young))
	for token := range tokens {
		for range 2 {
			accept(t, v, token)
		}
	}
	// A MAC takes less time than looking for the token in a cache.
	if n, _ := v.Cached(); n != 1 {
		t.Errorf("%d cached, want the one with a public key", n)
	}
	set(t, v, nil, secretSet(young))
	for token, k := range tokens {
		if k.Kid() == young.Kid() {
			accept(t, v, token)
		} else {
			refuse(t, v, token, verify.ErrKey)
		}
	}
	// No public key is taken for a secret.
	set(t, v, keySet(public), secretSet(young))
	refuse(t, v, sign(t, public, claims(nil), m{"alg": "HS256"}), verify.ErrKey)
	refuse(t, v, sign(t, young, claims(nil), m{"alg": "HS256"}), verify.ErrKey)
}

func TestManualKeysThatAreRefused(t *testing.T) {
	k, secret := generate(t, jose.ES256), generate(t, jose.HS256)
	token := sign(t, k, claims(nil), nil)
	v := manual(t, &clock{start})
	set(t, v, keySet(k), nil)
	for what, given := range map[string][2][]byte{
		"no JSON":                   {[]byte("{"), nil},
		"a private key":             {secretSet(k), nil},
		"a secret among the public": {secretSet(secret), nil},
		"both":                      {[]byte(`{"keys":[` + string(k.PublicJWK()) + `,` + string(secret.RevealJWK()) + `]}`), nil},
		"a public key as a secret":  {nil, keySet(k)},
		"secrets that are no JSON":  {nil, []byte("x")},
	} {
		if err := v.SetKeySet(given[0], given[1]); !errors.Is(err, verify.ErrConfig) {
			t.Errorf("%s: %v, want ErrConfig", what, err)
		}
		accept(t, v, token)
	}
	for _, c := range []verify.Config{
		static(k, &clock{start}),
		{Issuer: issuer, Audience: "orders", Secret: make(verify.Secret, 32)},
	} {
		if err := open(t, c).SetKeySet(keySet(k), nil); !errors.Is(err, verify.ErrConfig) {
			t.Errorf("%v: SetKeySet: %v, want ErrConfig", c.KeySet != nil, err)
		}
		c.ManualKeys = true
		if _, err := verify.New(t.Context(), c); !errors.Is(err, verify.ErrConfig) {
			t.Errorf("ManualKeys with other keys: %v, want ErrConfig", err)
		}
	}
	if err := new(verify.Verifier).SetKeySet(keySet(k), nil); !errors.Is(err, verify.ErrConfig) {
		t.Errorf("zero Verifier: %v", err)
	}
}

// VerifyRequest tells what Require answers, and where the token was.
func TestVerifyRequest(t *testing.T) {
	k := generate(t, jose.ES256)
	config := static(k, &clock{start})
	cookie := verify.Cookie("__Host-access")
	config.Places = []verify.Place{verify.Header(), cookie, verify.BodyField("access_token")}
	v := open(t, config)
	good, old := sign(t, k, claims(m{"csrf": "c"}), nil), sign(t, k, claims(m{"exp": start.Unix() - 60}), nil)
	wants := func(r *http.Request, place verify.Place, want error) {
		t.Helper()
		c, at, err := v.VerifyRequest(r)
		if !errors.Is(err, want) || at != place || (c.Subject() != "") != (want == nil) {
			t.Errorf("%v: %q at %+v, %v; want %+v, %v", r.Header, c.Subject(), at, err, place, want)
		}
	}
	wants(request("GET", ""), verify.Place{}, verify.ErrNoToken)
	wants(request("GET", "", "Authorization", "Bearer "+good), verify.Header(), nil)
	wants(request("GET", "", "Authorization", "Bearer "+old), verify.Header(), verify.ErrExpired)
	wants(request("GET", "", "Cookie", "__Host-access="+good), cookie, nil)
	wants(request("GET", "", "Cookie", "__Host-access="+old), cookie, verify.ErrExpired)
	wants(request("POST", "", "Cookie", "__Host-access="+good), cookie, verify.ErrCrossSite)
	wants(request("POST", "", "Cookie", "__Host-access="+good, "X-CSRF-Token", "c"), cookie, nil)
	wants(request("GET", "", "Cookie", "__Host-access="+good, "Authorization", "Bearer "+good), verify.Place{}, verify.ErrRequest)
	wants(request("GET", "", "Authorization", "Bearer "+good, "Authorization", "Bearer "+good), verify.Place{}, verify.ErrRequest)
	for kind, body := range map[string]string{
		"application/json":                  `{"access_token":7}`,
		"application/x-www-form-urlencoded": "access_token=%",
	} {
		wants(request("POST", body, "Content-Type", kind), verify.Place{}, verify.ErrRequest)
	}
}
