package josetest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/portaria/portaria/internal/jose"
)

// unsigned are tokens without a signature, under every spelling of "none".
func unsigned() []Attack {
	var all []Attack
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "none ", " none", "none\x00", ""} {
		all = append(all, Attack{Name: fmt.Sprintf("alg %q without a signature", alg), Make: func(t testing.TB, target Target) string {
			return jose.Encode([]byte(target.header(m{"alg": alg}))) + "." + jose.Encode([]byte(target.payload(t, nil))) + "."
		}})
	}
	return append(all,
		Attack{Name: "alg none with a good signature", Make: func(t testing.TB, target Target) string {
			return target.sign(t, target.header(m{"alg": "none"}), target.payload(t, nil))
		}},
		Attack{Name: "no alg", Make: func(t testing.TB, target Target) string {
			return target.sign(t, target.header(m{"alg": nil}), target.payload(t, nil))
		}},
		Attack{Name: "alg as a list", Make: func(t testing.TB, target Target) string {
			return target.sign(t, target.header(m{"alg": []string{"ES256", "none"}}), target.payload(t, nil))
		}},
		Attack{Name: "alg null", Make: func(t testing.TB, target Target) string {
			return target.sign(t, strings.Replace(target.header(nil), `"ES256"`, `null`, 1), target.payload(t, nil))
		}},
		Attack{Name: "signature stripped", Make: func(t testing.TB, target Target) string {
			good := Good(t, target)
			return good[:strings.LastIndexByte(good, '.')+1]
		}},
		Attack{Name: "signature and its dot stripped", Make: func(t testing.TB, target Target) string {
			good := Good(t, target)
			return good[:strings.LastIndexByte(good, '.')]
		}},
	)
}

// confused are tokens with a MAC whose secret is the public key, in each form
// in which it is published, and tokens with another algorithm than the key's.
func confused() []Attack {
	forms := map[string]func(testing.TB, jose.Key) []byte{
		"PEM": func(t testing.TB, k jose.Key) []byte {
			return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der(t, k)})
		},
		"PEM without the last newline": func(t testing.TB, k jose.Key) []byte {
			return bytes.TrimSpace(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der(t, k)}))
		},
		"DER":         der,
		"JWK":         func(_ testing.TB, k jose.Key) []byte { return k.Public().PublicJWK() },
		"JWK set":     func(_ testing.TB, k jose.Key) []byte { return []byte(`{"keys":[` + string(k.PublicJWK()) + `]}`) },
		"kid":         func(_ testing.TB, k jose.Key) []byte { return []byte(k.Kid()) },
		"empty":       func(testing.TB, jose.Key) []byte { return nil },
		"zero bytes":  func(testing.TB, jose.Key) []byte { return make([]byte, 32) },
		"word secret": func(testing.TB, jose.Key) []byte { return []byte("secret") },
	}
	var all []Attack
	for name, form := range forms {
		all = append(all, Attack{Name: "HS256 with the secret " + name, Make: func(t testing.TB, target Target) string {
			input := jose.Encode([]byte(target.header(m{"alg": "HS256"}))) + "." + jose.Encode([]byte(target.payload(t, nil)))
			mac := hmac.New(sha256.New, form(t, target.Signer))
			mac.Write([]byte(input))
			return input + "." + jose.Encode(mac.Sum(nil))
		}})
	}
	for _, alg := range []string{"ES384", "ES256K", "EdDSA", "RS256", "PS256", "es256", "ECDH-ES", "dir"} {
		all = append(all, Attack{Name: "good signature under alg " + alg, Make: func(t testing.TB, target Target) string {
			return target.sign(t, target.header(m{"alg": alg}), target.payload(t, nil))
		}})
	}
	return all
}

func der(t testing.TB, k jose.Key) []byte {
	t.Helper()
	out, err := x509.MarshalPKIXPublicKey(k.CryptoPublic())
	if err != nil {
		t.Fatalf("marshal public key: %v", err)
	}
	return out
}

// carriedKeys are tokens that bring the attacker's key along.
func carriedKeys() []Attack {
	var all []Attack
	for name, members := range map[string]func(jose.Key) m{
		"jwk": func(k jose.Key) m { return m{"jwk": json.RawMessage(k.PublicJWK())} },
		"jwk and no kid": func(k jose.Key) m {
			return m{"jwk": json.RawMessage(k.PublicJWK()), "kid": nil}
		},
		"jwk and the kid of the attacker": func(k jose.Key) m {
			return m{"jwk": json.RawMessage(k.PublicJWK()), "kid": k.Kid()}
		},
		"jku":              func(jose.Key) m { return m{"jku": "https://evil.example/jwks.json"} },
		"jku as data":      func(k jose.Key) m { return m{"jku": "data:application/json," + string(k.PublicJWK())} },
		"x5u":              func(jose.Key) m { return m{"x5u": "https://evil.example/cert.pem"} },
		"x5c":              func(jose.Key) m { return m{"x5c": []string{"MIIB"}} },
		"key of no one":    func(jose.Key) m { return m{} },
		"kid of no one":    func(k jose.Key) m { return m{"kid": k.Kid()} },
		"x5t":              func(jose.Key) m { return m{"x5t": "AAAA"} },
		"kid in a list":    func(k jose.Key) m { return m{"kid": []string{k.Kid()}} },
		"kid as an object": func(jose.Key) m { return m{"kid": m{"$ne": ""}} },
	} {
		all = append(all, Attack{Name: "attacker's key, " + name, Make: func(t testing.TB, target Target) string {
			attacker := generate(t, jose.ES256)
			return signWith(t, attacker, target.header(members(attacker)), target.payload(t, nil))
		}})
	}
	for _, name := range []string{"jwk", "jku", "x5u", "x5c"} {
		all = append(all, Attack{Name: "good signature, but " + name, Make: func(t testing.TB, target Target) string {
			return target.sign(t, target.header(m{name: "https://evil.example"}), target.payload(t, nil))
		}, Claims: true})
	}
	return all
}

// keyNames are tokens whose kid is meant for a file system, a database or a
// shell; the MAC is over what these would find.
func keyNames() []Attack {
	var all []Attack
	for _, kid := range []string{
		"../../../../dev/null", "/dev/null", "/proc/sys/kernel/randomize_va_space", `..\..\windows\win.ini`, "file:///etc/passwd",
		"' OR '1'='1", "x' UNION SELECT 'AA' --", "1; DROP TABLE keys", "$(id)", "|id", "`id`", "*", "%", "", "\x00", "a\r\nX: y",
		"https://evil.example/jwks.json", strings.Repeat("k", 300),
	} {
		all = append(all, Attack{Name: fmt.Sprintf("kid %.40q", kid), Make: func(t testing.TB, target Target) string {
			attacker := generate(t, jose.ES256)
			return signWith(t, attacker, target.header(m{"kid": kid}), target.payload(t, nil))
		}})
	}
	return append(all,
		Attack{Name: "kid with a NUL after the good one", Make: func(t testing.TB, target Target) string {
			return target.sign(t, target.header(m{"kid": target.Signer.Kid() + "\x00"}), target.payload(t, nil))
		}},
		Attack{Name: "kid in another case", Make: func(t testing.TB, target Target) string {
			return target.sign(t, target.header(m{"kid": swapCase(target.Signer.Kid())}), target.payload(t, nil))
		}},
	)
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}
