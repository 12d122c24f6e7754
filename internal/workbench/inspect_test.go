package workbench

import (
	"bytes"
	"encoding/json"
	"errors"
	"github.com/portaria/portaria/internal/workbench/refusal"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/strictjson"
)

// testTime is the now of these tests.
var testTime = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// unsigned writes a token with a signature of this length that nobody made.
func unsigned(header, payload string, signature int) string {
	return jose.Encode([]byte(header)) + "." + jose.Encode([]byte(payload)) + "." + jose.Encode(make([]byte, signature))
}

// decent is a payload without a reason for a warning, made at testTime.
const decent = `{"iss":"a","aud":"b","sub":"c","iat":1893553445,"exp":1893554345`

func TestInspectWarns(t *testing.T) {
	const header = `{"alg":"ES256","typ":"JWT"}`
	tests := map[string]struct {
		header, payload string
		signature       int
		want            []string // a part of each warning, in order
	}{
		"nothing":       {header, decent + `}`, 64, nil},
		"none":          {`{"alg":"nOnE","typ":"JWT"}`, decent + `}`, 0, []string{"nothing protects it"}},
		"secret":        {`{"alg":"HS512","typ":"JWT"}`, decent + `}`, 64, []string{"single service"}},
		"unknown":       {`{"alg":"ES256K","typ":"JWT"}`, decent + `}`, 64, []string{"ES256K"}},
		"no alg":        {`{"typ":"JWT"}`, decent + `}`, 64, []string{`alg ""`}},
		"weak RSA":      {`{"alg":"PS256","typ":"JWT"}`, decent + `}`, 128, []string{"1024 bits"}},
		"good RSA":      {`{"alg":"RS256","typ":"JWT"}`, decent + `}`, 384, nil},
		"own key":       {`{"alg":"ES256","typ":"JWT","jwk":{},"jku":"https://evil"}`, decent + `}`, 64, []string{"jwk:", "jku:"}},
		"extensions":    {`{"alg":"ES256","typ":"JWT","crit":["b64"],"b64":false}`, decent + `}`, 64, []string{"crit:", "b64:"}},
		"no typ":        {`{"alg":"ES256"}`, decent + `}`, 64, []string{"no typ"}},
		"compressed":    {`{"alg":"ES256","typ":"JWT","zip":"DEF"}`, decent + `}`, 64, []string{"zip:"}},
		"no exp":        {header, `{"iss":"a","aud":"b"}`, 64, []string{"no exp"}},
		"exp of text":   {header, `{"iss":"a","aud":"b","exp":"soon"}`, 64, []string{"exp is not a time"}},
		"EXP":           {header, `{"iss":"a","aud":"b","EXP":1893554345}`, 64, []string{"no exp"}},
		"expired":       {header, `{"iss":"a","aud":"b","exp":1893553445}`, 64, []string{"has expired"}},
		"a day":         {header, `{"iss":"a","aud":"b","iat":1893553445,"exp":1893639845}`, 64, nil},
		"over a day":    {header, `{"iss":"a","aud":"b","iat":1893553445,"exp":1893639846}`, 64, []string{"it lives 24h 0m"}},
		"milliseconds":  {header, `{"iss":"a","aud":"b","iat":189355344500,"exp":189355344501}`, 64, []string{"iat is in the future"}},
		"not yet":       {header, decent + `,"nbf":1893553446}`, 64, []string{"not valid yet"}},
		"nobody's":      {header, `{"exp":1893554345}`, 64, []string{"no iss", "no aud"}},
		"e-mail":        {header, decent + `,"sub2":"ana@example.com"}`, 64, []string{"personal data (sub2)"}},
		"deep e-mail":   {header, decent + `,"x":{"y":[{"z":"ana@example.com"}]}}`, 64, []string{"personal data (x.y.z)"}},
		"names":         {header, decent + `,"Name":"Ana","cpf":"1"}`, 64, []string{"personal data (Name, cpf)"}},
		"no e-mail":     {header, decent + `,"at":"meet @ noon.","url":"https://a@b.c/"}`, 64, nil},
		"password":      {header, decent + `,"password":"x"}`, 64, []string{"a secret (password)"}},
		"for a cookie":  {header, decent + `,"pad":"` + strings.Repeat("x", 3000) + `"}`, 64, []string{"than a cookie holds"}},
		"for a header":  {header, decent + `,"pad":"` + strings.Repeat("x", 6000) + `"}`, 64, []string{"8 KiB"}},
		"twice":         {header, `{"sub":"a","sub":"b"}`, 64, []string{"duplicate name"}},
		"no claims":     {header, `text`, 64, []string{"same claims"}},
		"encrypted key": {`{"alg":"RSA1_5","typ":"JWT"}`, decent + `}`, 64, []string{"RSA1_5: an attacker"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			i, err := inspect(unsigned(test.header, test.payload, test.signature), testTime)
			if err != nil {
				t.Fatal(err)
			}
			if len(i.Warnings) != len(test.want) {
				t.Fatalf("warned of %q, want %q", i.Warnings, test.want)
			}
			for n, part := range test.want {
				if !strings.Contains(i.Warnings[n], part) {
					t.Errorf("warned %q, want %q", i.Warnings[n], part)
				}
			}
			if i.Verified {
				t.Error("it claims to have verified")
			}
		})
	}
}

func TestInspectReadsOnlyTokens(t *testing.T) {
	for token, check := range map[string]string{
		"":                                 "form",
		"a":                                "form",
		"a.b":                              "form",
		"a.b.c.d":                          "form",
		"a.b.c.d.e.f":                      "form",
		`{"payload":"","signatures":[]}`:   "form",
		"!.e30.":                           "header",
		unsigned("[]", "{}", 0):            "header",
		unsigned(`{"a":1,"a":2}`, "{}", 0): "header",
	} {
		var r refusal.Error
		if _, err := inspect(token, testTime); !errors.As(err, &r) || r.Check != check {
			t.Errorf("%q: %v, want a refusal by %s", token, err, check)
		}
	}
}

func TestInspectKnowsWhatPeopleCopy(t *testing.T) {
	token := unsigned(`{"alg":"ES256"}`, "{}", 64)
	for text, words := range map[string]string{
		"Bearer " + token:                "a whole header",
		"authorization: bearer " + token: "a whole header",
		"prt_AAAA":                       "a refresh token",
	} {
		if _, err := inspect(text, testTime); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%.30s: %v, want %q", text, err, words)
		}
	}
}

func TestAboutTime(t *testing.T) {
	for _, test := range []struct{ name, value, want string }{
		{"exp", "1893553505", "expires 2030-01-02 03:05:05Z, in 1m 0s"},
		{"exp", "1893553445", "expired 2030-01-02 03:04:05Z, 0s ago"},
		{"nbf", "1893639845", "valid from 2030-01-03 03:04:05Z, in 24h 0m"},
		{"iat", "1893380645", "made 2029-12-31 03:04:05Z, 2 days ago"},
		{"auth_time", "1893549845", "signed in 2030-01-02 02:04:05Z, 1h 0m ago"},
		{"exp", "253402300799", "expires 9999-12-31 23:59:59Z, in 2910980 days"},
		{"exp", `"soon"`, "no time in seconds since 1970"},
	} {
		if got := aboutTime(strictjson.Member{Name: test.name, Value: strictjson.Value(test.value)}, testTime); got != test.want {
			t.Errorf("%s %s: %q, want %q", test.name, test.value, got, test.want)
		}
	}
}

// TestEveryAlgorithmIsExplained: nobody reads of an accepted algorithm that it
// is not accepted.
func TestEveryAlgorithmIsExplained(t *testing.T) {
	for _, a := range append(jose.SigningAlgorithms(), jose.EncryptionAlgorithms()...) {
		if text := aboutAlgorithm(a); text == "" || strings.Contains(text, "not accepted") {
			t.Errorf("%s: %q", a, text)
		}
	}
	if text := aboutAlgorithm("none"); !strings.Contains(text, "not accepted") {
		t.Errorf("none: %q", text)
	}
}

func TestPrintClaimsDoesNotSteerTheTerminal(t *testing.T) {
	var out bytes.Buffer
	claims := "{\"a\":\"\u009b31m\u202e\U000e0041 é\",\"b\":[]}"
	if err := printClaims(&out, []byte(claims)); err != nil {
		t.Fatal(err)
	}
	want := "{\n  \"a\": \"\\u009b31m\\u202e\\udb40\\udc41 é\",\n  \"b\": []\n}\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	var before, after any
	if json.Unmarshal([]byte(claims), &before) != nil || json.Unmarshal(out.Bytes(), &after) != nil || !cmp.Equal(before, after) {
		t.Errorf("it says something else now: %v, %v", before, after)
	}
}

// FuzzInspect: whatever a stranger sends is explained or refused.
func FuzzInspect(f *testing.F) {
	f.Add(unsigned(`{"alg":"ES256","typ":"JWT"}`, decent+`,"x":[{"y":"a@b.c"},[1]]}`, 64))
	f.Add(unsigned(`{"alg":"RS256","crit":["b64"],"b64":false}`, `{"exp":"soon","nbf":1e99}`, 1))
	f.Add("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.AAAA...")
	f.Fuzz(func(t *testing.T, token string) {
		i, err := inspect(token, testTime)
		if i.Verified || (err == nil) != (i.header != nil) {
			t.Errorf("%+v, %v", i, err)
		}
	})
}
