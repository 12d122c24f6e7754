package jose_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/jose"
)

// TestPublishedSetWithoutUsableKeys: it is read, because it withdraws every key
// that was published before it, and each key says why it is not used.
func TestPublishedSetWithoutUsableKeys(t *testing.T) {
	ec, mac := generate(t, jose.ES256), generate(t, jose.HS256)
	for text, reason := range map[string]string{
		`{"keys":[]}`: "",
		`{"keys":[{"kty":"AKP","alg":"ML-DSA-44","kid":"1","pub":"AA"}]}`:                 "kty is not supported",
		`{"keys":[{"kty":"EC","crv":"P-256","kid":"1","x":"AA","y":"AA"}]}`:               "wrong length",
		`{"keys":[{"kty":"RSA","alg":"RS256","kid":"1","n":"AQ","e":"AQAB"}]}`:            "2048",
		`{"keys":[{"kty":"EC","kty":"EC"}]}`:                                              "duplicate",
		`{"keys":[7]}`:                                                                    "object",
		`{"kty":"OKP","crv":"X25519","kid":"2","x":"AA"}`:                                 "curve",
		string(set(string(mac.RevealJWK()))):                                              "published",
		string(set(string(ec.RevealJWK()))):                                               "published",
		string(set(string(ec.PublicJWK()), string(ec.PublicJWK()))):                       "one kid",
		`{"keys":[{"kty":"EC","crv":"P-256","d":[{"a":1,"a":{"b":[],"b":2}}],"x":"AA"}]}`: "duplicate",
	} {
		s, err := jose.ParsePublished([]byte(text))
		if err != nil || len(s.Keys()) != 0 {
			t.Errorf("%s: %d keys, %v", text, len(s.Keys()), err)
			continue
		}
		if reason != "" && (len(s.Skipped()) == 0 || !strings.Contains(s.Skipped()[0].Reason.Error(), reason)) {
			t.Errorf("%s: %v, want %q", text, s.Skipped(), reason)
		}
	}
	for _, text := range []string{``, `[]`, `{}`, `{"error":"x"}`, `{"keys":7}`, `{"keys":null}`, `{"keys":[}`, `{"keys":[]} x`, `{"keys":[],"keys":[]}`,
		`{"keys":[{"a":1,"a":}]}`, `{"keys":[` + strings.Repeat(" ", jose.MaxKeySet) + `]}`} {
		if _, err := jose.ParsePublished([]byte(text)); !errors.Is(err, jose.ErrKey) && !errors.Is(err, jose.ErrJSON) {
			t.Errorf("%.40q: %v, want an error: it is no key set", text, err)
		}
	}
}

// TestReasonOfASkippedKey: a token that names such a key hears why.
func TestReasonOfASkippedKey(t *testing.T) {
	good := generate(t, jose.ES256)
	s, err := jose.ParsePublished(set(bare(t, good), `{"kty":"RSA","alg":"RS256","kid":"short","n":"AQ","e":"AQAB"}`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Find(jose.Header{Algorithm: jose.RS256, Kid: "short"})
	if !errors.Is(err, jose.ErrNoKey) || !strings.Contains(err.Error(), "2048 to 4096 bits") {
		t.Errorf("%v", err)
	}
	if _, err = s.Find(jose.Header{Algorithm: jose.RS256, Kid: "other"}); err != jose.ErrNoKey {
		t.Errorf("another kid: %v", err)
	}
}

// TestManyKeysOfOneKid are refused as quickly as others are read.
func TestManyKeysOfOneKid(t *testing.T) {
	good := generate(t, jose.ES256)
	var jwks []string
	for i := range 150 {
		k, err := generate(t, jose.ES256).WithKid([]string{"same", fmt.Sprint("own", i)}[min(i/50, 1)])
		if err != nil {
			t.Fatal(err)
		}
		jwks = append(jwks, string(k.PublicJWK()))
	}
	s, err := jose.ParsePublished(set(append([]string{string(good.PublicJWK())}, jwks...)...))
	if err != nil || len(s.Keys()) != 50 || len(s.Skipped()) != 51 {
		t.Errorf("%d used and %d left out, %v; want 50 and 51: those of one kid, and the rest after the hundredth", len(s.Keys()), len(s.Skipped()), err)
	}
}
