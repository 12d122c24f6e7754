package jose_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/jose"
)

// TestVerifyJSON has what the cookbook does not: what is refused.
func TestVerifyJSON(t *testing.T) {
	a, b, stranger := generate(t, jose.ES256), generate(t, jose.EdDSA), generate(t, jose.ES256)
	keys := parseSet(t, bare(t, a), bare(t, b))
	part := func(k jose.Key, header, payload string) string {
		p := strings.Split(signed(t, k, header, payload), ".")
		return `"protected":"` + p[0] + `","signature":"` + p[2] + `"`
	}
	payload := `{"payload":"` + jose.Encode([]byte("hi")) + `",`
	ha, hb, hs := `{"alg":"ES256","kid":"`+a.Kid()+`"}`, `{"alg":"EdDSA","kid":"`+b.Kid()+`"}`, `{"alg":"ES256","kid":"`+stranger.Kid()+`"}`
	goodA, goodB, badB, foreign := part(a, ha, "hi"), part(b, hb, "hi"), part(b, hb, "ho"), part(stranger, hs, "hi")
	check := func(what, text string, want error) {
		t.Helper()
		got, err := jose.VerifyJSON([]byte(text), keys)
		if !errors.Is(err, want) || (err == nil) != (string(got) == "hi") {
			t.Errorf("%s: %q, %v; want %v", what, got, err, want)
		}
	}
	check("flattened", payload+goodA+`}`, nil)
	check("general", payload+`"signatures":[{`+goodA+`},{`+goodB+`}]}`, nil)
	check("one of a stranger", payload+`"signatures":[{`+foreign+`},{`+goodB+`}]}`, nil)
	check("one broken", payload+`"signatures":[{`+goodA+`},{`+badB+`}]}`, jose.ErrSignature)
	check("only a stranger", payload+`"signatures":[{`+foreign+`}]}`, jose.ErrKey)
	check("none", payload+`"signatures":[]}`, jose.ErrMalformed)
	check("no list", payload+`"signatures":{}}`, jose.ErrJSON)
	check("both forms", payload+goodA+`,"signatures":[{`+goodA+`}]}`, jose.ErrMalformed)
	check("name in both headers", payload+goodA+`,"header":{"alg":"ES256"}}`, jose.ErrHeader)
	check("crit outside", payload+goodA+`,"header":{"crit":["x"]}}`, jose.ErrHeader)
	check("header no object", payload+goodA+`,"header":7}`, jose.ErrJSON)
	check("duplicate member", payload+goodA+`,`+goodA+`}`, jose.ErrJSON)
	check("protected no string", payload+`"protected":{},"signature":""}`, jose.ErrJSON)
	check("protected not canonical", payload+`"protected":"e31","signature":""}`, jose.ErrMalformed)
	check("payload no string", `{"payload":{},`+goodA+`}`, jose.ErrJSON)
	check("too long", payload+goodA+strings.Repeat(" ", jose.MaxToken)+`}`, jose.ErrMalformed)
	check("compact", signed(t, a, ha, "hi"), jose.ErrJSON)
}

func TestDecryptJSON(t *testing.T) {
	k, other := generate(t, jose.A256KW), generate(t, jose.A256KW)
	keys := parseSet(t, string(k.RevealJWK()))
	good := strings.Split(encrypt(t, k, "hi", jose.EncryptOptions{}), ".")
	foreign := strings.Split(encrypt(t, other, "hi", jose.EncryptOptions{}), ".")
	type m = map[string]any
	whole := func(changes m) string {
		all := m{"protected": good[0], "encrypted_key": good[1], "iv": good[2], "ciphertext": good[3], "tag": good[4]}
		for name, value := range changes {
			all[name] = value
			if value == nil {
				delete(all, name)
			}
		}
		return string(must(json.Marshal(all)))
	}
	check := func(what string, changes m, want error) {
		t.Helper()
		got, err := jose.DecryptJSON([]byte(whole(changes)), keys)
		if !errors.Is(err, want) || (err == nil) != (string(got) == "hi") {
			t.Errorf("%s: %q, %v; want %v", what, got, err, want)
		}
	}
	check("flattened", nil, nil)
	check("general", m{"encrypted_key": nil, "recipients": []m{{"encrypted_key": good[1]}}}, nil)
	check("of a stranger", m{"protected": foreign[0], "encrypted_key": foreign[1]}, jose.ErrKey)
	check("no recipients", m{"encrypted_key": nil, "recipients": []m{}}, jose.ErrMalformed)
	check("both forms", m{"recipients": []m{{"encrypted_key": good[1]}}}, jose.ErrMalformed)
	check("aad that was not there", m{"aad": "AAAA"}, jose.ErrDecrypt)
	check("another tag", m{"tag": foreign[4]}, jose.ErrDecrypt)
	check("shorter tag", m{"tag": good[4][:16]}, jose.ErrMalformed)
	check("not canonical", m{"ciphertext": good[3] + "="}, jose.ErrMalformed)
	check("name in two headers", m{"header": m{"enc": "A256GCM"}}, jose.ErrHeader)
	check("shared name in two headers", m{"header": m{"x": 1}, "unprotected": m{"x": 1}}, jose.ErrHeader)
	check("key in a header", m{"unprotected": m{"jku": "https://evil.example"}}, jose.ErrHeader)
	check("weak algorithm", m{"protected": jose.Encode([]byte(`{"alg":"RSA1_5","enc":"A256GCM"}`))}, jose.ErrAlgorithm)
	check("iv in the recipient does not count", m{"encrypted_key": nil, "recipients": []m{{"encrypted_key": good[1], "iv": foreign[2]}}}, nil)
}
