package josetest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/jose"
)

// broken are signatures that no key made.
func broken() []Attack {
	change := func(name string, change func(signature []byte) []byte) Attack {
		return Attack{Name: name, Make: func(t testing.TB, target Target) string {
			good := Good(t, target)
			cut := strings.LastIndexByte(good, '.') + 1
			signature, err := jose.Decode(good[cut:])
			if err != nil {
				t.Fatalf("decode signature: %v", err)
			}
			return good[:cut] + jose.Encode(change(signature))
		}}
	}
	order := []byte("\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51")
	return []Attack{
		change("psychic signature: both numbers zero", func(s []byte) []byte { return make([]byte, len(s)) }),
		change("r zero", func(s []byte) []byte { return append(make([]byte, 32), s[32:]...) }),
		change("s zero", func(s []byte) []byte { return append(s[:32], make([]byte, 32)...) }),
		change("both numbers the order of the curve", func([]byte) []byte { return append(order, order...) }),
		change("r and s swapped", func(s []byte) []byte { return append(bytes.Clone(s[32:]), s[:32]...) }),
		change("one bit flipped", func(s []byte) []byte { s[40] ^= 1; return s }),
		change("cut by one byte", func(s []byte) []byte { return s[:63] }),
		change("only r", func(s []byte) []byte { return s[:32] }),
		change("a byte more", func(s []byte) []byte { return append(s, 0) }),
		change("a byte before", func(s []byte) []byte { return append([]byte{0}, s...) }),
		change("numbers padded to 48 bytes", func(s []byte) []byte {
			pad := make([]byte, 16)
			return append(append(append(bytes.Clone(pad), s[:32]...), pad...), s[32:]...)
		}),
		change("DER instead of two numbers", func(s []byte) []byte {
			return append(append(append([]byte{0x30, 70, 2, 33, 0}, s[:32]...), 2, 33, 0), s[32:]...)
		}),
		change("empty DER", func([]byte) []byte { return []byte{0x30, 0} }),
		{Name: "signature of another token", Make: func(t testing.TB, target Target) string {
			good, other := Good(t, target), target.sign(t, target.header(nil), target.payload(t, m{"sub": "other"}))
			return other[:strings.LastIndexByte(other, '.')] + good[strings.LastIndexByte(good, '.'):]
		}},
		{Name: "payload changed", Make: func(t testing.TB, target Target) string {
			p := strings.Split(Good(t, target), ".")
			return p[0] + "." + jose.Encode([]byte(target.payload(t, m{"sub": "admin"}))) + "." + p[2]
		}},
		{Name: "header changed", Make: func(t testing.TB, target Target) string {
			p := strings.Split(Good(t, target), ".")
			return jose.Encode([]byte(target.header(m{"x": 1}))) + "." + p[1] + "." + p[2]
		}},
	}
}

// respelled are valid tokens in another spelling, for a verifier that keeps a list of
// tokens that are no longer good.
func respelled() []Attack {
	change := func(name string, change func(string) string) Attack {
		return Attack{Name: "good token " + name, Make: func(t testing.TB, target Target) string { return change(Good(t, target)) }}
	}
	inside := func(name, text string) Attack {
		return change("with "+name+" inside", func(s string) string { return s[:len(s)-9] + text + s[len(s)-9:] })
	}
	return []Attack{
		change("after a blank", func(s string) string { return " " + s }),
		change("before a blank", func(s string) string { return s + " " }),
		change("before a newline", func(s string) string { return s + "\n" }),
		change("before a dot", func(s string) string { return s + "." }),
		change("before a part", func(s string) string { return s + ".AAAA" }),
		change("before another", func(s string) string { return s + "," + s }),
		change("with padding", func(s string) string { return s + "==" }),
		change("with pad bits", func(s string) string { return s[:len(s)-1] + string(s[len(s)-1]+1) }),
		change("in quotes", func(s string) string { return `"` + s + `"` }),
		change("after a second Bearer", func(s string) string { return "Bearer " + s }),
		change("without a header", func(s string) string { return s[strings.IndexByte(s, '.'):] }),
		change("in percent encoding", func(s string) string { return strings.Replace(s, ".", "%2E", 1) }),
		inside("NUL", "\x00"), inside("CR LF", "\r\n"), inside("LF", "\n"), inside("a blank", " "), inside("a plus", "+"),
		inside("a character that is not ASCII", "é"),
		{Name: "good token in standard base64", Make: func(t testing.TB, target Target) string {
			payload := base64.StdEncoding.EncodeToString([]byte(target.payload(t, m{"x": "????????"})))
			return signInput(t, target.Signer, jose.Encode([]byte(target.header(nil)))+"."+payload)
		}},
		{Name: "JSON serialization, flattened", Make: func(t testing.TB, target Target) string {
			p := strings.Split(Good(t, target), ".")
			return object(m{"protected": p[0], "payload": p[1], "signature": p[2]}, nil)
		}},
		{Name: "JSON serialization, general", Make: func(t testing.TB, target Target) string {
			p := strings.Split(Good(t, target), ".")
			return object(m{"payload": p[1], "signatures": []m{{"protected": p[0], "signature": p[2]}}}, nil)
		}},
	}
}

// headers are good signatures over headers that readers understand differently.
func headers() []Attack {
	raw := func(name string, change func(header string) string) Attack {
		return Attack{Name: name, Make: func(t testing.TB, target Target) string {
			return target.sign(t, change(target.header(nil)), target.payload(t, nil))
		}}
	}
	with := func(name, member string) Attack {
		return raw(name, func(h string) string { return h[:len(h)-1] + "," + member + "}" })
	}
	return []Attack{
		with("duplicate alg", `"alg":"none"`),
		with("duplicate alg in escapes", `"\u0061lg":"none"`),
		with("duplicate kid", `"kid":"other"`),
		with("duplicate member deep inside", `"x":{"y":1,"y":2}`),
		with("unknown crit", `"crit":["x"],"x":1`),
		with("empty crit", `"crit":[]`),
		with("crit null", `"crit":null`),
		with("crit that names itself", `"crit":["crit"]`),
		with("crit in another form", `"crit":"exp"`),
		with("b64 false", `"b64":false`),
		with("b64 false and crit", `"b64":false,"crit":["b64"]`),
		with("b64 as a number", `"b64":0`),
		with("lone surrogate", `"x":"\ud800"`),
		with("number that is none", `"x":NaN`),
		with("comma at the end", `"x":1,`),
		with("comment", `/* */"x":1`),
		raw("text after the end", func(h string) string { return h + "{}" }),
		raw("byte order mark", func(h string) string { return "\ufeff" + h }),
		raw("NUL after the end", func(h string) string { return h + "\x00" }),
		raw("array", func(h string) string { return "[" + h + "]" }),
		raw("invalid UTF-8", func(h string) string { return h[:len(h)-1] + ",\"x\":\"\xff\"}" }),
		raw("single quotes", func(h string) string { return strings.ReplaceAll(h, `"`, `'`) }),
		raw("ALG instead of alg", func(h string) string { return strings.Replace(h, `"alg"`, `"ALG"`, 1) }),
		raw("empty header", func(string) string { return "" }),
		raw("header of two braces", func(string) string { return "{}" }),
	}
}

// bombs are tokens that are expensive to read.
func bombs() []Attack {
	big := strings.Repeat("A", 10<<20)
	nested := strings.Repeat("[", 2000) + strings.Repeat("]", 2000)
	return []Attack{
		{Name: "10 MB of one letter", Make: func(testing.TB, Target) string { return big }},
		{Name: "10 MB of dots", Make: func(testing.TB, Target) string { return strings.Repeat(".", 10<<20) }},
		{Name: "header of 10 MB", Make: func(t testing.TB, target Target) string {
			return big + Good(t, target)[strings.IndexByte(Good(t, target), '.'):]
		}},
		{Name: "signature of 10 MB", Make: func(t testing.TB, target Target) string { return Good(t, target) + big }},
		{Name: "header nested deep", Make: func(t testing.TB, target Target) string {
			return target.sign(t, `{"alg":"ES256","x":`+nested+`}`, target.payload(t, nil))
		}},
		{Name: "claims nested deep", Make: func(t testing.TB, target Target) string {
			return target.sign(t, target.header(nil), strings.Replace(target.payload(t, nil), "{", `{"x":`+nested+`,`, 1))
		}, Claims: true},
		{Name: "header of 1,000 members", Make: func(t testing.TB, target Target) string {
			var b strings.Builder
			for i := range 1000 {
				fmt.Fprintf(&b, `,"%d":1`, i)
			}
			return target.sign(t, `{"alg":"ES256"`+b.String()+`}`, "{}")
		}},
		{Name: "signature of 4,000 bytes", Make: func(t testing.TB, target Target) string {
			good := Good(t, target)
			return good[:strings.LastIndexByte(good, '.')+1] + strings.Repeat("A", 4000)
		}},
	}
}
