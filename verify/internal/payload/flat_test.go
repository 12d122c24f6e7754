package payload_test

import (
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/strictjson"
	"github.com/portaria/portaria/verify/internal/payload"
)

// usual is the payload of a token of Portaria.
const usual = `{"iss":"https://auth.example.com","sub":"7e1a7c5e-9f0b-4f0e-8d68-0d1f1c9c2a11","aud":"orders","iat":1772366400,"nbf":1772366400,` +
	`"exp":1772367300,"jti":"Zm9vYmFyYmF6cXV4MTIzNA","client_id":"portaria","sid":"b1946ac9-2f5e-4d2b-8f0e-1d1f1c9c2a12",` +
	`"scope":"account orders:read","auth_time":1772366340,"amr":["pwd"],"fresh":true,"rvs":41}`

// FuzzFlat holds that the strict parser reads the same as the fast reader, and
// rejects no text that the fast reader takes for claims.
func FuzzFlat(f *testing.F) {
	for _, seed := range []string{
		usual, `{"a":"b"}`, `{"a":[],"b":["x","y"]}`, `{"a":1,"a":2}`, `{"a":01}`, `{"a":-1}`, `{"a":1e3}`, `{"a":1.5}`,
		`{"":true}`, `{"a":false,"b":0}`, `{"a":null}`, `{"a":"\u0041"}`, `{"a":"é"}`, `{"a":"` + "\x7f" + `"}`, `{"a":{}}`, `{}`, `{"a":"b"`, `{"a":"b"}}`,
		`{"a":123456789012345678}`, `{"a":12345678901234567}`, `{"a":tru}`, `{"a":["x",]}`, `{"a" :1}`, `{"a":0}`, `{"a":00}`, `{"ab":1,"ba":2,"ab":3}`,
	} {
		for n := range seed { // each prefix: a text that was cut off must be rejected
			f.Add(seed[:n])
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		names, values, ok := payload.Flat([]byte(text))
		if !ok {
			return
		}
		object, err := strictjson.Parse([]byte(text))
		if err != nil || len(object) != len(names) {
			t.Fatalf("%q: %d members, %v; the fast reader returns %d", text, len(object), err, len(names))
		}
		for i, m := range object {
			if m.Name != string(names[i]) || string(m.Value) != string(values[i]) {
				t.Errorf("%q: member %q: %s, the fast reader returns %q: %s", text, m.Name, m.Value, names[i], values[i])
			}
		}
	})
}

// TestFlatReadsUsualClaims holds that the fast reader reads nearly every token.
func TestFlatReadsUsualClaims(t *testing.T) {
	if names, _, ok := payload.Flat([]byte(usual)); !ok || len(names) != 14 {
		t.Errorf("%d names, %v", len(names), ok)
	}
	if _, _, ok := payload.Flat([]byte("{" + strings.Repeat(`"a":1,`, 30) + `"b":1}`)); ok {
		t.Error("it reads repeated names")
	}
}
