package recipient_test

import (
	"crypto/rand"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/recipient"
	"github.com/portaria/portaria/internal/token"
)

// service publishes what the test says, at /keys.
type service struct {
	*testing.T
	*httptest.Server
	status  int
	text    string
	asked   http.Header
	hops    int    // redirects on the way to it
	another string // where /away leads
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{T: t, status: http.StatusOK}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/away":
		http.Redirect(w, r, s.another, http.StatusFound)
	case r.URL.Path == "/endless":
		for space := []byte(strings.Repeat(" ", 4096)); ; {
			if _, err := w.Write(space); err != nil {
				return
			}
		}
	case r.URL.Path == "/hops" && s.hops > 0:
		s.hops--
		http.Redirect(w, r, "/hops", http.StatusFound)
	default:
		s.asked = r.Header
		w.WriteHeader(s.status)
		_, _ = w.Write([]byte(s.text))
	}
}

func (s *service) keySet(url string) *recipient.KeySet {
	s.Helper()
	client, err := recipient.NewClient(nil)
	if err != nil {
		s.Fatal(err)
	}
	return recipient.New(url, client)
}

func (s *service) generate(a jose.Algorithm) jose.Key {
	s.Helper()
	key, err := jose.Generate(a)
	if err != nil {
		s.Fatal(err)
	}
	return key
}

// publish sets the key set.
func (s *service) publish(jwks ...[]byte) {
	s.status, s.text = http.StatusOK, `{"keys":[`
	for i, jwk := range jwks {
		s.text += strings.Repeat(",", min(i, 1)) + string(jwk)
	}
	s.text += "]}"
}

// fetches wants a fetch that works, and this key afterwards.
func (s *service) fetches(set *recipient.KeySet, changed bool, want jose.Key) {
	s.Helper()
	got, err := set.Fetch(s.Context())
	if err != nil || got != changed {
		s.Fatalf("changed %t, %v; want %t", got, err, changed)
	}
	s.has(set, want)
}

func (s *service) has(set *recipient.KeySet, want jose.Key) {
	s.Helper()
	key, err := set.EncryptionKey(time.Time{})
	if err != nil || key.Kid() != want.Kid() || key.Private() {
		s.Errorf("key %s, private %t, %v; want the public half of %s", key.Kid(), key.Private(), err, want.Kid())
	}
}

// fails wants an error that says this.
func (s *service) fails(set *recipient.KeySet, naming string) {
	s.Helper()
	changed, err := set.Fetch(s.Context())
	if changed || err == nil || !strings.Contains(err.Error(), naming) {
		s.Errorf("changed %t, %v; want an error with %q", changed, err, naming)
	}
}

func TestKeysAreFollowed(t *testing.T) {
	s := newService(t)
	set := s.keySet(s.URL + "/keys")
	if _, err := set.EncryptionKey(time.Time{}); !errors.Is(err, token.ErrNoEncryptionKey) {
		t.Errorf("before anything was fetched: %v", err)
	}
	signing, first, second := s.generate(jose.ES256), s.generate(jose.ECDHESA256KW), s.generate(jose.RSAOAEP256)
	s.publish(signing.PublicJWK(), first.PublicJWK())
	s.fetches(set, true, first)
	s.fetches(set, false, first)
	s.publish(signing.PublicJWK(), second.PublicJWK(), first.PublicJWK())
	s.fetches(set, true, second)
	if accept := s.asked.Get("Accept"); !strings.Contains(accept, "application/jwk-set+json") {
		t.Errorf("Accept is %q", accept)
	}
}

// TestTheLastGoodKeyStays, whatever the service answers later.
func TestTheLastGoodKeyStays(t *testing.T) {
	s := newService(t)
	set := s.keySet(s.URL + "/keys")
	good := s.generate(jose.ECDHES)
	s.publish(good.PublicJWK())
	s.fetches(set, true, good)

	s.status = http.StatusServiceUnavailable // with a key set in the body
	s.fails(set, "unexpected response: status 503")
	s.publish([]byte(`nonsense`))
	s.fails(set, "malformed JSON")
	s.publish(s.generate(jose.ES256).PublicJWK())
	s.fails(set, "the set has no public key that encrypts")
	s.publish(s.generate(jose.ECDHES).RevealJWK())
	s.fails(set, "publishes its private keys")
	s.publish(s.generate(jose.A256KW).RevealJWK())
	s.fails(set, "publishes its private keys")
	s.publish(s.generate(jose.ECDHES).PublicJWK())
	s.text += strings.Repeat(" ", jose.MaxKeySet)
	s.fails(set, "response is too large")
	s.has(set, good)

	s.Close()
	s.fails(set, "connect")
	s.has(set, good)
}

func TestAnEndlessAnswerEnds(t *testing.T) {
	s := newService(t)
	s.fails(s.keySet(s.URL+"/endless"), "response is too large")
}

func TestRedirectsStayOnTheHost(t *testing.T) {
	s, other := newService(t), newService(t)
	good := s.generate(jose.ECDHES)
	s.publish(good.PublicJWK())
	other.publish(s.generate(jose.ECDHES).PublicJWK())

	s.hops = 3
	s.fetches(s.keySet(s.URL+"/hops"), true, good)
	s.hops = 4
	s.fails(s.keySet(s.URL+"/hops"), "redirect refused: more than 3")
	s.another = other.URL + "/keys"
	s.fails(s.keySet(s.URL+"/away"), "redirect refused: it leads to another host")
	s.another = strings.Replace(s.URL, "http:", "https:", 1) + "/keys"
	s.fails(s.keySet(s.URL+"/away"), "redirect refused: it leads to another host")
	if other.asked != nil {
		t.Error("the other host was asked")
	}
}

// TestLegacyAndWeakKeys: nothing is encrypted with RSA-OAEP (SHA-1), which nobody
// here has asked for, nor to a key that gives its private half away.
func TestLegacyAndWeakKeys(t *testing.T) {
	s := newService(t)
	set := s.keySet(s.URL + "/keys")
	good := s.generate(jose.RSAOAEP256)
	s.publish(good.PublicJWK())
	s.fetches(set, true, good)
	p, err := rand.Prime(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	square := jose.Encode(new(big.Int).Mul(p, p).Bytes())
	for reason, jwk := range map[string][]byte{
		"legacy":    s.generate(jose.RSAOAEP).PublicJWK(),
		"too close": []byte(`{"kty":"RSA","alg":"RSA-OAEP-256","e":"AQAB","n":"` + square + `"}`),
	} {
		s.publish(jwk)
		if _, err := set.Fetch(t.Context()); !errors.Is(err, jose.ErrKey) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%v, want %s", err, reason)
		}
		s.has(set, good) // as before
	}
}

// TestOperatorsChoice: an operator may name a service inside the network, but a
// redirect or a name leads to no metadata service.
func TestOperatorsChoice(t *testing.T) {
	s := newService(t)
	for _, address := range []string{"http://169.254.169.254/keys", "http://[fe80::1]/keys", "http://[fd00:ec2::254]/keys", "http://0.0.0.0/keys"} {
		s.fails(s.keySet(address), "address is not permitted")
	}
	s.status, s.text = http.StatusOK, "<html>"
	s.fails(s.keySet(s.URL+"/keys"), "content type is not accepted")
}
