package workbench

import (
	"errors"
	"fmt"
	"github.com/portaria/portaria/internal/workbench/keysource"
	"github.com/portaria/portaria/internal/workbench/refusal"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyfile"
)

func TestExpectation(t *testing.T) {
	at := func(e expectation) expectation { e.At = testTime; return e }
	tests := map[string]struct {
		expect  expectation
		payload string
		want    string // the check that refuses, empty for none
	}{
		"good":               {expectation{}, `{"exp":1893553446}`, ""},
		"expired now":        {expectation{}, `{"exp":1893553445}`, "exp"},
		"within leeway":      {expectation{leeway: time.Second}, `{"exp":1893553445}`, ""},
		"beyond leeway":      {expectation{leeway: time.Second}, `{"exp":1893553444}`, "exp"},
		"no exp":             {expectation{}, `{"sub":"a"}`, "exp"},
		"no exp allowed":     {expectation{AllowNoExp: true}, `{"sub":"a"}`, ""},
		"expired anyway":     {expectation{AllowNoExp: true}, `{"exp":1}`, "exp"},
		"EXP is not exp":     {expectation{}, `{"EXP":1893553446}`, "exp"},
		"exp is text":        {expectation{AllowNoExp: true}, `{"exp":"1893553446"}`, "exp"},
		"exp overflows":      {expectation{}, `{"exp":18446744073709551616}`, "exp"},
		"exp is null":        {expectation{AllowNoExp: true}, `{"exp":null}`, "exp"},
		"from now on":        {expectation{}, `{"exp":1893553446,"nbf":1893553445}`, ""},
		"not yet":            {expectation{}, `{"exp":1893553446,"nbf":1893553446}`, "nbf"},
		"nearly":             {expectation{leeway: time.Second}, `{"exp":1893553446,"nbf":1893553446}`, ""},
		"nbf is text":        {expectation{}, `{"exp":1893553446,"nbf":"now"}`, "nbf"},
		"iat is text":        {expectation{}, `{"exp":1893553446,"iat":"now"}`, "iat"},
		"issuer":             {expectation{issuer: "a"}, `{"exp":1893553446,"iss":"a"}`, ""},
		"other issuer":       {expectation{issuer: "a"}, `{"exp":1893553446,"iss":"A"}`, "iss"},
		"no issuer":          {expectation{issuer: "a"}, `{"exp":1893553446}`, "iss"},
		"issuers":            {expectation{issuer: "a"}, `{"exp":1893553446,"iss":["a"]}`, "iss"},
		"audience":           {expectation{audience: "a"}, `{"exp":1893553446,"aud":"a"}`, ""},
		"among audiences":    {expectation{audience: "a"}, `{"exp":1893553446,"aud":["b","a"]}`, ""},
		"other audience":     {expectation{audience: "a"}, `{"exp":1893553446,"aud":["b","aa"]}`, "aud"},
		"no audience":        {expectation{audience: "a"}, `{"exp":1893553446}`, "aud"},
		"audience is number": {expectation{audience: "1"}, `{"exp":1893553446,"aud":1}`, "aud"},
		"type":               {expectation{Typ: "jwt"}, `{"exp":1893553446}`, ""},
		"other type":         {expectation{Typ: "at+jwt"}, `{"exp":1893553446}`, "typ"},
		"twice":              {expectation{}, `{"exp":1893553446,"exp":1893553446}`, "claims"},
		"text":               {expectation{AllowNoExp: true}, `text`, "claims"},
		"array":              {expectation{AllowNoExp: true}, `[]`, "claims"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var r refusal.Error
			err := at(test.expect).check([]byte(test.payload), "application/JWT")
			if errors.As(err, &r); r.Check != test.want || (err == nil) != (test.want == "") {
				t.Errorf("got %v, want a refusal by %q", err, test.want)
			}
		})
	}
}

func TestRefusedNamesTheCheck(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{jose.ErrSignature, "signature"},
		{fmt.Errorf("verify: %w", jose.ErrKey), "key"},
		{jose.ErrAlgorithm, "algorithm"},
		{jose.ErrHeader, "header"},
		{jose.ErrDecrypt, "decryption"},
		{jose.ErrMalformed, "form"},
		{jose.ErrJSON, "form"},
	} {
		var r refusal.Error
		if err := refusal.Of("form", test.err); !errors.As(err, &r) || r.Check != test.want || !errors.Is(err, test.err) {
			t.Errorf("%v: %v, want %s", test.err, err, test.want)
		}
	}
	if refusal.Of("form", nil) != nil {
		t.Error("nothing was refused")
	}
	var r refusal.Error
	if err := refusal.Of("form", cli.Misuse("no file")); errors.As(err, &r) {
		t.Error("a mistake of the caller is no refusal of the token")
	}
}

// pipe is standard input with this text.
func pipe(t *testing.T, text string) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "stdin")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func TestReadToken(t *testing.T) {
	long := strings.Repeat("x", jose.MaxToken)
	for text, want := range map[string]string{
		"a.b.c":         "a.b.c",
		"a.b.c\n":       "a.b.c",
		"a.b.c\r\n":     "a.b.c",
		"a.b.c\n\n":     "a.b.c\n",
		" a.b.c \n":     " a.b.c ",
		long + "\n":     long,
		"":              "",
		"\n":            "",
		long + "xxx":    "",
		long + "x.\r\n": "",
	} {
		c := &cli.Call{Surroundings: cli.Surroundings{Stdin: pipe(t, text)}}
		got, err := readToken(c)
		var r refusal.Error
		if got != want && err == nil || (want == "") != errors.As(err, &r) {
			t.Errorf("%.20q: got %.20q, %v", text, got, err)
		}
	}
}

// keyIn writes a key set to a file and returns it as a set.
func keyIn(t *testing.T, jwks string) jose.KeySet {
	t.Helper()
	set, err := jose.ParseKeySet([]byte(jwks))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestPick(t *testing.T) {
	const secret = `"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"`
	signs := func(k jose.Key) bool { return k.Algorithm().Signs() }
	encrypts := func(k jose.Key) bool { return k.Algorithm().Encrypts() }
	one := keyIn(t, `{`+secret+`,"kid":"a"}`)
	two := keyIn(t, `{"keys":[{`+secret+`,"kid":"a"},{`+secret+`,"kid":"b"}]}`)
	tests := map[string]struct {
		choice keysource.Choice
		set    jose.KeySet
		alg    jose.Algorithm
		strict bool
		fit    func(jose.Key) bool
		want   string // algorithm and kid; empty for an error
	}{
		"only one signs":       {keysource.Choice{}, one, "", true, signs, "HS256 a"},
		"the first encrypts":   {keysource.Choice{}, one, "", false, encrypts, "A256GCMKW a"},
		"not said":             {keysource.Choice{}, one, "", true, encrypts, ""},
		"said":                 {keysource.Choice{}, one, "A256KW", true, encrypts, "A256KW a"},
		"directly":             {keysource.Choice{}, one, "dir", false, encrypts, "A256GCM a"},
		"of another algorithm": {keysource.Choice{}, one, "HS512", true, signs, ""},
		"two":                  {keysource.Choice{}, two, "", true, signs, ""},
		"the first of two":     {keysource.Choice{}, two, "", false, encrypts, ""},
		"one of two":           {keysource.Choice{Kid: "b"}, two, "", true, signs, "HS256 b"},
		"none of two":          {keysource.Choice{Kid: "c"}, two, "", true, signs, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			key, err := test.choice.Pick(test.set, test.alg, test.strict, test.fit)
			if got := strings.TrimSpace(string(key.Algorithm()) + " " + key.Kid()); got != test.want || (err == nil) != (test.want != "") {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestWriteNewNeverOverwrites(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key.json")
	if err := cli.WriteNew(name, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cli.WriteNew(name, []byte("second"), 0o600); !errors.Is(err, os.ErrExist) {
		t.Errorf("the second time: %v", err)
	}
	text, err := os.ReadFile(name)
	info, statErr := os.Stat(name)
	if err != nil || statErr != nil || string(text) != "first" || info.Mode().Perm() != 0o600 {
		t.Errorf("%q %v %v %v", text, info.Mode(), err, statErr)
	}
}

// TestPublishedPrivateKeys: what everybody can fetch proves nothing.
func TestPublishedPrivateKeys(t *testing.T) {
	key, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := jose.Generate(jose.HS256)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		address string
		text    []byte
		good    bool
	}{
		"private key, published": {"https://a.example/jwks.json", key.RevealJWK(), false},
		"secret, published":      {"https://a.example/jwks.json", secret.RevealJWK(), false},
		"public key, published":  {"https://a.example/jwks.json", key.PublicJWK(), true},
		"private key in a file":  {"key.json", key.RevealJWK(), true},
	} {
		_, err := keysource.Source{Key: test.address}.Set(nil, test.text, "")
		var usage cli.UsageError
		if (err == nil) != test.good || err != nil && !errors.As(err, &usage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLifetime(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"15m": 15 * time.Minute, "7d": 7 * 24 * time.Hour, "1h30m": 90 * time.Minute,
		"-15m": 0, "0s": 0, "15": 0, "": 0, "500ms": 0, "soon": 0,
	} {
		var l lifetime
		if err := l.UnmarshalText([]byte(text)); time.Duration(l) != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %v, %v", text, time.Duration(l), err)
		}
	}
}

// TestAKeyIsNoSecret: a public key is known to everybody, so that a token
// "signed" with its text must not pass (RS256 to HS256).
func TestAKeyIsNoSecret(t *testing.T) {
	key, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	public, err := keyfile.PublicPEM(key)
	if err != nil {
		t.Fatal(err)
	}
	c := &cli.Call{Surroundings: cli.Surroundings{Stdin: pipe(t, "")}}
	oct := []byte(`{"kty":"oct","k":"` + jose.Encode(public) + `"}`)
	for name, text := range map[string][]byte{"PEM": public, "JWK": key.PublicJWK(), "OpenSSH": []byte("ssh-ed25519 AAAA x"), "k": oct} {
		for _, encoding := range []string{"", "raw", "base64", "hex"} {
			source := keysource.Source{KeyFormat: keysource.KeyFormat{Secret: encoding}}
			set, err := source.Set(c, text, jose.HS256)
			if _, found := set.Find(jose.Header{Algorithm: jose.HS256}); err == nil && found == nil {
				t.Errorf("%s as %q verifies HS256", name, encoding)
			}
		}
	}
	source := keysource.Source{KeyFormat: keysource.KeyFormat{Secret: "raw"}}
	if _, err := source.Set(c, []byte("a secret of at least thirty-two bytes"), jose.HS256); err != nil {
		t.Errorf("a secret: %v", err)
	}
}
