package jose_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/jose"
)

// signed returns a compact JWS with a good signature over this very header
// and payload text, so that only the guard can be what refuses it.
func signed(t testing.TB, k jose.Key, header, payload string) string {
	t.Helper()
	return seal(t, k, jose.Encode([]byte(header))+"."+jose.Encode([]byte(payload)))
}

// seal signs an input as it is.
func seal(t testing.TB, k jose.Key, input string) string {
	t.Helper()
	signature, err := k.Sign(input)
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + jose.Encode(signature)
}

func generate(t testing.TB, a jose.Algorithm) jose.Key {
	t.Helper()
	k, err := jose.Generate(a)
	if err != nil {
		t.Fatalf("generate %s: %v", a, err)
	}
	return k
}

func open(k jose.Key, compact string) (string, error) {
	m, err := jose.Parse(compact)
	if err != nil {
		return "", err
	}
	payload, err := m.Verify(k)
	return string(payload), err
}

func TestGuardOnHeaders(t *testing.T) {
	k := generate(t, jose.ES256)
	accept := func(header string) {
		t.Helper()
		if got, err := open(k, signed(t, k, header, `{}`)); err != nil || got != `{}` {
			t.Errorf("%s: refused: %v", header, err)
		}
	}
	refuse := func(header string, want error) {
		t.Helper()
		if _, err := open(k, signed(t, k, header, `{}`)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", header, err, want)
		}
	}

	accept(`{"alg":"ES256"}`)
	accept(` { "alg" : "ES256" , "x" : [ 1.5e3 , { "y" : null } , true , false ] } `)
	accept(`{"\u0061lg":"ES\u003256","kid":"é","typ":"JWT","cty":"text"}`)
	accept(`{"alg":"ES256","b64":true}`)
	accept(`{"alg":"ES256","ALG":"none","Crit":["exp"]}`) // other names, no meaning

	refuse(`{"alg":"none"}`, jose.ErrAlgorithm)
	refuse(`{"alg":"None"}`, jose.ErrAlgorithm)
	refuse(`{"alg":"es256"}`, jose.ErrAlgorithm)
	refuse(`{"alg":""}`, jose.ErrAlgorithm)
	refuse(`{}`, jose.ErrAlgorithm)
	refuse(`{"ALG":"ES256"}`, jose.ErrAlgorithm)
	refuse(`{"alg":"HS256"}`, jose.ErrAlgorithm)
	refuse(`{"alg":"ES384"}`, jose.ErrAlgorithm)
	refuse(`{"alg":"A128KW"}`, jose.ErrAlgorithm)
	refuse(`{"alg":["ES256"]}`, jose.ErrJSON)
	refuse(`{"alg":null}`, jose.ErrJSON)
	refuse(`{"alg":"ES256","alg":"ES256"}`, jose.ErrJSON)
	refuse(`{"alg":"ES256","\u0061lg":"none"}`, jose.ErrJSON)
	refuse(`{"alg":"ES256","epk":{"x":1,"x":2}}`, jose.ErrJSON)
	refuse(`{"alg":"ES256","kid":7}`, jose.ErrJSON)
	refuse(`{"alg":"ES256","typ":7}`, jose.ErrJSON)
	refuse(`{"alg":"ES256","cty":7}`, jose.ErrJSON)
	refuse(`{"alg":"ES256","kid":"`+strings.Repeat("k", 257)+`"}`, jose.ErrHeader)
	refuse(`{"alg":"ES256","crit":["exp"],"exp":1}`, jose.ErrHeader)
	refuse(`{"alg":"ES256","crit":["b64"],"b64":true}`, jose.ErrHeader)
	refuse(`{"alg":"ES256","crit":[]}`, jose.ErrHeader)
	refuse(`{"alg":"ES256","b64":false}`, jose.ErrHeader)
	refuse(`{"alg":"ES256","b64":"false"}`, jose.ErrHeader)
	refuse(`["ES256"]`, jose.ErrJSON)
	refuse(`"ES256"`, jose.ErrJSON)
	refuse(``, jose.ErrJSON)
}

// TestParseAloneRefusesForeignAlgorithms: not only the key's mismatch does.
func TestParseAloneRefusesForeignAlgorithms(t *testing.T) {
	for _, alg := range []string{"none", "NONE", "", "A128KW", "dir", "ES256K", "RSA1_5", "HS1"} {
		compact := jose.Encode([]byte(`{"alg":"`+alg+`"}`)) + ".e30."
		if _, err := jose.Parse(compact); !errors.Is(err, jose.ErrAlgorithm) {
			t.Errorf("%q: %v, want ErrAlgorithm", alg, err)
		}
	}
}

func TestGuardOnCarriedKeys(t *testing.T) {
	k, attacker := generate(t, jose.ES256), generate(t, jose.ES256)
	for _, header := range []string{
		`{"alg":"ES256","jwk":` + string(attacker.PublicJWK()) + `}`,
		`{"alg":"ES256","jku":"https://evil.example/jwks.json"}`,
		`{"alg":"ES256","x5u":"https://evil.example/cert.pem"}`,
		`{"alg":"ES256","x5c":["MIIB"]}`,
	} {
		if _, err := open(k, signed(t, attacker, header, `{}`)); !errors.Is(err, jose.ErrSignature) {
			t.Errorf("%s: %v, want ErrSignature", header, err)
		}
		m, err := jose.Parse(signed(t, k, header, `{}`))
		if err != nil || !m.Header.CarriesKey {
			t.Errorf("%s: carries key %v, %v; want it reported", header, m.Header.CarriesKey, err)
		}
	}
}

// TestGuardOnSpelling takes one good token and spells it in every way that
// some base64 decoder lets through.
func TestGuardOnSpelling(t *testing.T) {
	k := generate(t, jose.ES256)
	good := signed(t, k, `{"alg":"ES256"}`, `{"a":1}`)
	if _, err := open(k, good); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	join := func(h, p, s string) string { return h + "." + p + "." + s }
	h, p, s := parts[0], parts[1], parts[2]

	refuse := func(what, compact string) {
		t.Helper()
		if _, err := open(k, compact); !errors.Is(err, jose.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", what, err)
		}
	}
	refuse("empty", "")
	refuse("one part", h)
	refuse("two parts", h+"."+p)
	refuse("four parts", good+".x")
	refuse("five parts", join(h, "", "")+"."+p+"."+s)
	refuse("padding", join(h, p, s+"=="))
	refuse("standard alphabet", join(h, p, strings.Repeat("+", len(s))))
	refuse("CR in the signature", join(h, p, s[:9]+"\r"+s[9:]))
	refuse("LF at the end", good+"\n")
	refuse("LF in the header", join(h[:4]+"\n"+h[4:], p, s))
	refuse("space in front", " "+good)
	refuse("NUL at the end", good+"\x00")
	refuse("spare bits in the signature", join(h, p, s[:len(s)-1]+nextCharacter(s)))
	refuse("very long signature", join(h, p, strings.Repeat("A", 1026)))
	refuse("too long", join(h, strings.Repeat("A", jose.MaxToken), s))

	// In the payload, even under a good signature.
	refuse("LF in the payload", seal(t, k, h+"."+p[:4]+"\n"+p[4:]))
	refuse("spare bits in the payload", seal(t, k, h+"."+p[:len(p)-1]+nextCharacter(p)))
	refuse("spare bits in the header", seal(t, k, jose.Encode([]byte(`{"alg":"ES256"} `))[:20]+"B."+p))
}

// nextCharacter returns a last character that differs in the spare bits only.
func nextCharacter(text string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, text[len(text)-1])+1])
}

func TestLengthLimitIsExact(t *testing.T) {
	for length, want := range map[int]error{jose.MaxToken: nil, jose.MaxToken + 1: jose.ErrMalformed} {
		if _, err := jose.Split("." + strings.Repeat("A", length-2) + "."); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v, want %v", length, err, want)
		}
	}
}

func TestKeyHasOneAlgorithm(t *testing.T) {
	// The public key of a signer as HMAC secret is the classic confusion.
	ec := generate(t, jose.ES256)
	if _, err := jose.NewKey(jose.HS256, ec.PublicJWK()); !errors.Is(err, jose.ErrPublicSecret) || !errors.Is(err, jose.ErrKey) {
		t.Errorf("JWK as secret: %v, want ErrPublicSecret", err)
	}
	for name, secret := range map[string][]byte{
		"thumbprint": []byte(ec.Kid()),
	} {
		mac, err := jose.NewKey(jose.HS256, secret)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open(ec, signed(t, mac, `{"alg":"HS256"}`, `{}`)); !errors.Is(err, jose.ErrAlgorithm) {
			t.Errorf("%s as secret: %v, want ErrAlgorithm", name, err)
		}
		if _, err := open(ec, signed(t, mac, `{"alg":"ES256"}`, `{}`)); !errors.Is(err, jose.ErrSignature) {
			t.Errorf("%s as secret under ES256: %v, want ErrSignature", name, err)
		}
	}
	if _, err := open(jose.Key{}, signed(t, ec, `{"alg":"ES256"}`, `{}`)); !errors.Is(err, jose.ErrAlgorithm) {
		t.Errorf("zero key: %v, want ErrAlgorithm", err)
	}
	if err := (jose.Key{}).Verify("", nil); !errors.Is(err, jose.ErrKey) {
		t.Errorf("zero key verifies: %v, want ErrKey", err)
	}
	if _, err := ec.Public().Sign("x"); !errors.Is(err, jose.ErrKey) {
		t.Errorf("public key signs: %v, want ErrKey", err)
	}
}
