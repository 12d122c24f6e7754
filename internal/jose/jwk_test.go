package jose_test

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/jose"
)

// TestThumbprints are by value: the RSA key of RFC 7638, section 3.1, and the
// Ed25519 key of RFC 8037, appendix A.3.
func TestThumbprints(t *testing.T) {
	for want, jwk := range map[string]string{
		"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs": `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256"}`,
		"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k": `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
	} {
		k, err := jose.ParseJWK([]byte(jwk))
		if err != nil {
			t.Fatal(err)
		}
		if k.Kid() != want {
			t.Errorf("kid %s, want %s", k.Kid(), want)
		}
	}
}

// edit returns the JWK of a key with members changed; nil removes one.
func edit(t *testing.T, k jose.Key, changes map[string]any) []byte {
	t.Helper()
	members := map[string]any{}
	if err := json.Unmarshal(k.RevealJWK(), &members); err != nil {
		t.Fatal(err)
	}
	maps.Copy(members, changes)
	maps.DeleteFunc(members, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func member(t testing.TB, k jose.Key, name string) string {
	t.Helper()
	var members map[string]string
	if err := json.Unmarshal(k.RevealJWK(), &members); err != nil {
		t.Fatal(err)
	}
	return members[name]
}

func TestJWKsAreReadStrictly(t *testing.T) {
	type m = map[string]any
	ec, ed := generate(t, jose.ES256), generate(t, jose.EdDSA)
	mac, rs := generate(t, jose.HS256), generate(t, jose.RS256)
	other := generate(t, jose.ES256)
	var foreign m
	if err := json.Unmarshal(other.RevealJWK(), &foreign); err != nil {
		t.Fatal(err)
	}
	accept := func(k jose.Key, changes m) jose.Key {
		t.Helper()
		got, err := jose.ParseJWK(edit(t, k, changes))
		if err != nil {
			t.Errorf("%v: %v", changes, err)
		}
		return got
	}
	refuse := func(k jose.Key, changes m) {
		t.Helper()
		_, err := jose.ParseJWK(edit(t, k, changes))
		if !errors.Is(err, jose.ErrKey) && !errors.Is(err, jose.ErrMalformed) && !errors.Is(err, jose.ErrJSON) && !errors.Is(err, jose.ErrAlgorithm) {
			t.Errorf("%v: %v, want it refused", changes, err)
		}
	}

	if k := accept(ec, m{"kid": "mine", "x5t": "ignored"}); k.Kid() != "mine" {
		t.Errorf("kid %s, want mine", k.Kid())
	}
	if k := accept(ec, m{"kid": nil, "alg": nil, "use": nil}); k.Kid() != ec.Thumbprint() || k.Algorithm() != jose.ES256 {
		t.Errorf("kid %s, algorithm %s; want the thumbprint and ES256", k.Kid(), k.Algorithm())
	}
	accept(ed, m{"alg": nil})
	accept(ec, m{"d": nil})
	refuse(ec, m{"use": "enc"})
	refuse(ec, m{"use": 1})
	refuse(ec, m{"alg": "ES384"})
	refuse(ec, m{"alg": "none"})
	refuse(ec, m{"alg": "RS256"})
	refuse(ec, m{"alg": 1})
	refuse(ec, m{"kty": nil})
	refuse(ec, m{"kty": "ec"})
	refuse(ec, m{"crv": "secp256k1"})
	refuse(ec, m{"crv": "P-384"})
	refuse(ec, m{"x": foreign["x"]})
	refuse(ec, m{"d": foreign["d"]})
	refuse(ec, m{"x": "AA"})
	refuse(ec, m{"d": ""})
	refuse(ec, m{"d": "AA"})
	refuse(ec, m{"x": "=" + foreign["x"].(string)})
	refuse(ec, m{"kid": strings.Repeat("k", 257)})
	refuse(ec, m{"kid": 7})
	point := append(must(jose.Decode(member(t, ec, "x"))), must(jose.Decode(member(t, ec, "y")))...)
	refuse(ec, m{"x": jose.Encode(point[:31]), "y": jose.Encode(point[31:])})
	refuse(ed, m{"crv": "X25519"})
	refuse(ed, m{"x": foreign["x"]})
	refuse(ed, m{"d": foreign["d"]})
	refuse(ed, m{"x": "AA"})
	refuse(mac, m{"alg": nil})
	refuse(mac, m{"k": nil})
	refuse(mac, m{"k": "AA"})
	refuse(mac, m{"k": 1})
	refuse(mac, m{"alg": "HS512"})
	refuse(mac, m{"k": strings.Repeat("A", jose.MaxKey)})
	refuse(rs, m{"alg": nil})
	refuse(rs, m{"alg": "RSA1_5"})
	refuse(rs, m{"e": "AA"})
	refuse(rs, m{"e": "AAABAAE", "d": nil})
	refuse(rs, m{"e": "AQAAAAE", "d": nil})
	n := must(jose.Decode(member(t, rs, "n")))
	refuse(rs, m{"n": jose.Encode(append([]byte{0, 0}, n...))})
	for _, signed := range []m{{"n": jose.Encode(append([]byte{0}, n...))}, {"e": "AAEAAQ"}} { // as java.math.BigInteger writes numbers
		if k, err := jose.ParseJWK(edit(t, rs, signed)); err != nil || k.Thumbprint() != rs.Thumbprint() {
			t.Errorf("%v: %v, want the same key", signed, err)
		}
	}
	if k, err := jose.ParseJWK(edit(t, ed, m{"alg": "Ed25519"})); err != nil || k.Algorithm() != jose.EdDSA {
		t.Errorf("Ed25519 (RFC 9864): %v", err)
	}
	refuse(rs, m{"n": "AQAB"})
	refuse(rs, m{"n": nil})
	refuse(rs, m{"p": nil})
	refuse(rs, m{"q": "AQAB"})
	refuse(rs, m{"d": "AQAB"})

	if _, err := jose.ParseJWK([]byte(`{"kty":"oct","kty":"oct"}`)); !errors.Is(err, jose.ErrJSON) {
		t.Errorf("duplicate member: %v, want ErrJSON", err)
	}
	if _, err := jose.ParseJWKAs(edit(t, mac, m{"alg": nil}), jose.HS256); err != nil {
		t.Errorf("algorithm from outside: %v", err)
	}
	if _, err := jose.ParseJWKAs(ec.RevealJWK(), jose.ES384); !errors.Is(err, jose.ErrKey) {
		t.Errorf("another algorithm than it names: %v, want ErrKey", err)
	}
	if _, err := ec.WithKid(""); !errors.Is(err, jose.ErrKey) {
		t.Errorf("empty kid: %v, want ErrKey", err)
	}
}

func TestKeyOpsAreRespected(t *testing.T) {
	ec, mac := generate(t, jose.ES256), generate(t, jose.HS256)
	may := func(k jose.Key, changes map[string]any, sign, verify bool) {
		t.Helper()
		got, err := jose.ParseJWK(edit(t, k, changes))
		if err != nil {
			t.Fatalf("%v: %v", changes, err)
		}
		signature, err := k.Sign("input")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := got.Sign("input"); (err == nil) != sign {
			t.Errorf("%v: sign: %v, want allowed: %v", changes, err, sign)
		}
		if err := got.Verify("input", signature); (err == nil) != verify {
			t.Errorf("%v: verify: %v, want allowed: %v", changes, err, verify)
		}
	}
	ops := func(ops ...string) map[string]any { return map[string]any{"key_ops": ops} }
	may(ec, nil, true, true)
	may(ec, ops("sign"), true, true)
	may(ec, ops("verify"), false, true)
	may(ec, map[string]any{"d": nil}, false, true)
	may(mac, ops("sign"), true, false)
	may(mac, ops("verify"), false, true)
	may(mac, ops("sign", "verify"), true, true)
	for _, changes := range []map[string]any{
		ops(), ops("encrypt"), ops("sign", "sign"), {"key_ops": "sign"}, {"key_ops": []int{1}},
		{"key_ops": []string{"sign"}, "d": nil},
	} {
		if _, err := jose.ParseJWK(edit(t, ec, changes)); !errors.Is(err, jose.ErrKey) {
			t.Errorf("%v: %v, want ErrKey", changes, err)
		}
	}
}
