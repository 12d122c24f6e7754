package jose_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/strictjson"
)

// TestPrefixesOfGoodTexts: what is cut off is refused and panics nowhere, in
// every parser of this package.
func TestPrefixesOfGoodTexts(t *testing.T) {
	mac := generate(t, jose.HS256)
	signedToken := signed(t, mac, `{"alg":"HS256","typ":"at+jwt","kid":"`+mac.Kid()+`"}`, `{"a":["b",{"c":-1.5e3}],"d":null,"e":"\ud83d\ude00"}`)
	header, rest, _ := strings.Cut(signedToken, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	flattened := fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, header, payload, signature)
	set := must(jose.ParseKeySet(mac.RevealJWK()))
	for name, parser := range map[string]struct {
		text  string
		parse func(text string) error
	}{
		"object":    {`{"a":["b",{"c":-1.5e3}],"d":null,"\u0065":"\ud83d\ude00","f":true,"g":false}`, func(s string) error { _, err := strictjson.Parse([]byte(s)); return err }},
		"elements":  {`["b",{"c":-1.5e3},null]`, func(s string) error { _, err := strictjson.Value(s).Elements(); return err }},
		"texts":     {`["b","c"]`, func(s string) error { _, err := strictjson.Value(s).Texts(); return err }},
		"header":    {header, func(s string) error { _, err := jose.ParseHeader(s); return err }},
		"key":       {key7515A3, func(s string) error { _, err := jose.ParseJWK([]byte(s)); return err }},
		"key set":   {`{"keys":[` + key7515A3 + `]}`, func(s string) error { _, err := jose.ParseKeySet([]byte(s)); return err }},
		"published": {`{"keys":[` + key7515A3 + `]}`, func(s string) error { _, err := jose.ParsePublished([]byte(s)); return err }},
		"compact":   {signedToken, func(s string) error { _, err := open(mac, s); return err }},
		"JSON":      {flattened, func(s string) error { _, err := jose.VerifyJSON([]byte(s), set); return err }},
	} {
		if err := parser.parse(parser.text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for n := range parser.text {
			if err := parser.parse(parser.text[:n]); err == nil {
				t.Errorf("%s: %q is accepted", name, parser.text[:n])
			}
		}
	}
}

// TestLimitsOfHeaders: a kid has 256 bytes, in a header and in a key.
func TestLimitsOfHeaders(t *testing.T) {
	k := generate(t, jose.ES256)
	for length, want := range map[int]bool{256: true, 257: false} {
		kid := strings.Repeat("k", length)
		if _, err := jose.ParseHeader(jose.Encode([]byte(`{"alg":"ES256","kid":"` + kid + `"}`))); (err == nil) != want {
			t.Errorf("header with a kid of %d bytes: %v", length, err)
		}
		if _, err := jose.ParseJWK(edit(t, k, map[string]any{"kid": kid})); (err == nil) != want {
			t.Errorf("key with a kid of %d bytes: %v", length, err)
		}
		if _, err := k.WithKid(kid); (err == nil) != want {
			t.Errorf("kid of %d bytes: %v", length, err)
		}
	}
}

// TestLimitsOfKeys: a key has 16 KiB and a set 512 KiB; a byte more is refused.
func TestLimitsOfKeys(t *testing.T) {
	k := bare(t, generate(t, jose.ES256))
	fill := func(text string, size int) string { return text + strings.Repeat(" ", size-len(text)) }
	for _, more := range []int{0, 1} {
		want := more == 0
		key := fill(k, jose.MaxKey+more)
		if _, err := jose.ParseJWK([]byte(key)); (err == nil) != want {
			t.Errorf("key of %d bytes: %v", len(key), err)
		}
		// In a set the spaces after a key are no part of it: they go inside.
		inside := "{" + strings.Repeat(" ", jose.MaxKey+more-len(k)) + k[1:]
		if s, err := jose.ParseKeySet(set(inside)); (err == nil) != want {
			t.Errorf("set with a key of %d bytes: %d keys, %v", len(inside), len(s.Keys()), err)
		}
		if s, err := jose.ParsePublished(set(inside)); err != nil || (len(s.Keys()) == 1) != want {
			t.Errorf("published set with a key of %d bytes: %d keys, %v", len(inside), len(s.Keys()), err)
		}
		whole := fill(string(set(k)), jose.MaxKeySet+more)
		if _, err := jose.ParseKeySet([]byte(whole)); (err == nil) != want {
			t.Errorf("set of %d bytes: %v", len(whole), err)
		}
		if _, err := jose.ParsePublished([]byte(whole)); (err == nil) != want {
			t.Errorf("published set of %d bytes: %v", len(whole), err)
		}
	}
}

// TestLimitsOfTokens: every form of a token has 8 KiB.
func TestLimitsOfTokens(t *testing.T) {
	mac := generate(t, jose.HS256)
	set := must(jose.ParseKeySet(mac.RevealJWK()))
	header, rest, _ := strings.Cut(signed(t, mac, `{"alg":"HS256"}`, `{}`), ".")
	payload, signature, _ := strings.Cut(rest, ".")
	flattened := fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, header, payload, signature)
	for _, more := range []int{0, 1} {
		text := flattened + strings.Repeat(" ", jose.MaxToken+more-len(flattened))
		if _, err := jose.VerifyJSON([]byte(text), set); (err == nil) != (more == 0) {
			t.Errorf("JSON of %d bytes: %v", len(text), err)
		}
		// Too long is refused before the rest is looked at.
		if _, err := jose.ParseEncrypted(strings.Repeat("A", jose.MaxToken+more)); more == 1 && !strings.Contains(fmt.Sprint(err), "longer") || more == 0 && strings.Contains(fmt.Sprint(err), "longer") {
			t.Errorf("JWE of %d bytes: %v", jose.MaxToken+more, err)
		}
	}
	// The longest signature is that of RSA with 4096 bits: 512 bytes. A text is
	// decoded up to twice that, and then refused as a signature.
	for length, want := range map[int]error{1024: jose.ErrSignature, 1025: jose.ErrMalformed, 1026: jose.ErrMalformed} {
		c := jose.Compact{Signature: strings.Repeat("A", length), Input: "x.y"}
		if err := c.Verify(mac); !errors.Is(err, want) {
			t.Errorf("signature of %d characters: %v, want %v", length, err, want)
		}
	}
}

// TestMemoIsBounded: 256 sets are known, and another makes it begin anew.
func TestMemoIsBounded(t *testing.T) {
	var m jose.Memo
	text := string(generate(t, jose.ES256).PublicJWK())
	parse := func(i int) {
		if _, err := m.Parse(text + strings.Repeat(" ", i)); err != nil {
			t.Fatal(err)
		}
	}
	// The first call of AllocsPerRun is not measured, and does nothing here.
	known := func() bool {
		calls := 0
		return testing.AllocsPerRun(1, func() {
			if calls++; calls > 1 {
				_, _ = m.Parse(text)
			}
		}) == 0
	}
	for i := range 256 {
		parse(i)
	}
	if !known() {
		t.Error("the first of 256 sets is forgotten")
	}
	if parse(256); known() {
		t.Error("257 sets are known")
	}
}
