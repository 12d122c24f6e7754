package josetest

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/jose"
)

// encrypted are JWEs where a signed token is expected.
func encrypted() []Attack {
	to := func(name string, a jose.Algorithm, make func(testing.TB, Target, jose.Key) (string, error)) Attack {
		return Attack{Name: name, Make: func(t testing.TB, target Target) string {
			compact, err := make(t, target, generate(t, a))
			if err != nil {
				t.Fatalf("encrypt: %v", err)
			}
			return compact
		}}
	}
	bad := func(name, header string) Attack {
		return Attack{Name: name, Make: func(testing.TB, Target) string {
			return jose.Encode([]byte(header)) + ".AAAA.AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA"
		}}
	}
	return []Attack{
		to("encrypted to the attacker's key", jose.ECDHESA256KW, func(t testing.TB, target Target, k jose.Key) (string, error) {
			return k.EncryptNested(Good(t, target), "")
		}),
		to("encrypted with dir", jose.Dir, func(t testing.TB, target Target, k jose.Key) (string, error) {
			return k.EncryptNested(Good(t, target), "")
		}),
		{Name: "encrypted to the target's signing key, not signed", Make: func(t testing.TB, target Target) string {
			k, err := jose.NewKey(jose.ECDHESA256KW, target.Signer.CryptoPublic())
			if err != nil {
				t.Fatalf("bind: %v", err)
			}
			compact, err := k.Encrypt([]byte(target.payload(t, nil)), jose.EncryptOptions{Type: target.Type})
			if err != nil {
				t.Fatalf("encrypt: %v", err)
			}
			return compact
		}},
		{Name: "nested ten deep", Make: func(t testing.TB, target Target) string {
			k, inner := generate(t, jose.A256KW), Good(t, target)
			for range 10 {
				outer, err := k.Encrypt([]byte(inner), jose.EncryptOptions{ContentType: "JWT"})
				if err != nil {
					break // as deep as the length allows
				}
				inner = outer
			}
			return inner
		}},
		{Name: "signed token inside a signed token", Make: func(t testing.TB, target Target) string {
			return target.sign(t, target.header(m{"cty": "JWT"}), Good(t, target))
		}, Claims: true},
		{Name: "zip bomb", Make: func(t testing.TB, _ Target) string {
			var b bytes.Buffer
			w, err := flate.NewWriter(&b, flate.BestCompression)
			if err != nil {
				t.Fatalf("compress: %v", err)
			}
			_, _ = w.Write(make([]byte, 4<<20))
			_ = w.Close()
			return jose.Encode([]byte(`{"alg":"dir","enc":"A256GCM","zip":"DEF"}`)) + "..AAAAAAAAAAAAAAAA." + jose.Encode(b.Bytes()) + ".AAAAAAAAAAAAAAAAAAAAAA"
		}},
		bad("PBES2 with 2^31 rounds", `{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2s":"AAAAAAAAAAA","p2c":2147483647}`),
		bad("PBES2 with one round", `{"alg":"PBES2-HS512+A256KW","enc":"A128GCM","p2s":"AAAAAAAAAAA","p2c":1}`),
		bad("RSA1_5", `{"alg":"RSA1_5","enc":"A128CBC-HS256"}`),
		bad("epk off its curve", `{"alg":"ECDH-ES","enc":"A128GCM","epk":{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}`),
	}
}

// claims are tokens with a good header and signature that say what they must
// not.
func claims() []Attack {
	change := func(name string, change func(Target) m) Attack {
		return Attack{Name: name, Claims: true, Make: func(t testing.TB, target Target) string {
			return target.sign(t, target.header(nil), target.payload(t, change(target)))
		}}
	}
	set := func(name string, changes m) Attack { return change(name, func(Target) m { return changes }) }
	raw := func(name, member string) Attack {
		return Attack{Name: name, Claims: true, Make: func(t testing.TB, target Target) string {
			p := target.payload(t, nil)
			return target.sign(t, target.header(nil), p[:len(p)-1]+","+member+"}")
		}}
	}
	typ := func(value any) Attack {
		return Attack{Name: fmt.Sprintf("typ %v", value), Claims: true, Make: func(t testing.TB, target Target) string {
			return target.sign(t, target.header(m{"typ": value}), target.payload(t, nil))
		}}
	}
	return []Attack{
		change("expired", func(target Target) m { return m{"exp": target.Now.Add(-time.Hour).Unix()} }),
		change("not valid yet", func(target Target) m { return m{"nbf": target.Now.Add(time.Hour).Unix()} }),
		change("issued in the future", func(target Target) m { return m{"iat": target.Now.Add(time.Hour).Unix()} }),
		change("EXP instead of exp", func(target Target) m { return m{"exp": nil, "EXP": target.Claims["exp"]} }),
		change("exp as a string", func(target Target) m { return m{"exp": fmt.Sprint(target.Claims["exp"])} }),
		change("iss in a list", func(target Target) m { return m{"iss": []any{target.Claims["iss"]}} }),
		change("iss with a slash more", func(target Target) m { return m{"iss": fmt.Sprint(target.Claims["iss"], "/")} }),
		change("aud in an object", func(target Target) m { return m{"aud": m{"0": target.Claims["aud"]}} }),
		set("no exp", m{"exp": nil}),
		set("exp null", m{"exp": json.RawMessage("null")}),
		set("exp that overflows", m{"exp": json.RawMessage("9223372036854775808")}),
		set("exp that overflows as a float", m{"exp": json.RawMessage("1e300")}),
		set("exp beyond the year 9999", m{"exp": json.RawMessage("253402300800")}),
		set("exp below zero", m{"exp": -1}),
		set("exp true", m{"exp": true}),
		set("another issuer", m{"iss": "https://evil.example"}),
		set("no issuer", m{"iss": nil}),
		set("another audience", m{"aud": "https://other.example"}),
		set("no audience", m{"aud": nil}),
		set("empty list of audiences", m{"aud": []string{}}),
		set("no subject", m{"sub": nil}),
		set("empty subject", m{"sub": ""}),
		set("subject as a number", m{"sub": 1}),
		raw("duplicate sub", `"sub":"admin"`),
		raw("duplicate exp in escapes", `"\u0065xp":9999999999`),
		typ("refresh+jwt"), typ("logout+jwt"), typ("id_token"), typ("dpop+jwt"), typ("secevent+jwt"), typ(7), typ(nil),
		{Name: "ID token", Claims: true, Make: func(t testing.TB, target Target) string {
			return target.sign(t, `{"alg":"ES256","kid":"`+target.Signer.Kid()+`"}`, target.payload(t, m{"nonce": "n", "aud": "portaria"}))
		}},
		{Name: "refresh token of flask-jwt-extended", Claims: true, Make: func(t testing.TB, target Target) string {
			return target.sign(t, target.header(nil), target.payload(t, m{"type": "refresh"}))
		}},
		{Name: "claims that are no object", Claims: true, Make: func(t testing.TB, target Target) string {
			return target.sign(t, target.header(nil), `["`+target.payload(t, nil)[1:2]+`"]`)
		}},
		{Name: "no claims", Claims: true, Make: func(t testing.TB, target Target) string { return target.sign(t, target.header(nil), "") }},
	}
}
