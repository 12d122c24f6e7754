package config_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/token"
)

// publicKey returns a key that decrypts, the same one in every test.
func publicKey(t *testing.T) jose.Key {
	t.Helper()
	key, err := oneKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

var oneKey = sync.OnceValues(func() (jose.Key, error) { return jose.Generate(jose.ECDHESA256KW) })

// spaced spells a JWK as people write one by hand.
func spaced(jwk []byte) string { return strings.ReplaceAll(string(jwk), ",", ", ") }

// TestPairsInTheFile: a mapping says the same as the one line elsewhere, and
// within it a JWK may have white space.
func TestPairsInTheFile(t *testing.T) {
	jwk := publicKey(t).PublicJWK()
	want := load(t, fromEnvironment(map[string]string{
		"audience_profiles": "orders=jwt https://legacy.example=flask", "audience_encryption": "archive=" + string(jwk),
	}))
	if len(want.AudienceProfiles) != 2 || len(want.AudienceEncryption) != 1 {
		t.Fatalf("read %v, %v", want.AudienceProfiles, want.AudienceEncryption)
	}
	for name, text := range map[string]string{
		"mapping":    "audience_profiles:\n  orders: jwt\n  https://legacy.example: flask\naudience_encryption:\n  archive: '" + spaced(jwk) + "'\n",
		"flow":       "audience_profiles: {orders: jwt, 'https://legacy.example': flask}\naudience_encryption: {archive: '" + spaced(jwk) + "'}\n",
		"one line":   "audience_profiles: orders=jwt https://legacy.example=flask\naudience_encryption: 'archive=" + string(jwk) + "'\n",
		"some lines": "audience_profiles: >\n  orders=jwt\n  https://legacy.example=flask\naudience_encryption:\n  archive: |\n    " + spaced(jwk) + "\n",
		"list":       "audience_profiles: [orders=jwt, 'https://legacy.example=flask']\naudience_encryption: ['archive=" + string(jwk) + "']\n",
	} {
		got, err := config.Load(config.Sources{File: write(t, "p.yaml", text)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestEmptyPairsWin(t *testing.T) {
	file := write(t, "p.yaml", "audience_profiles:\n  orders: jwt\n")
	got, err := config.Load(config.Sources{File: file, Flags: map[string]string{"audience-profiles": ""}})
	if err != nil || len(got.AudienceProfiles) != 0 {
		t.Errorf("%v, %v", got.AudienceProfiles, err)
	}
}

func TestPairsThatAreRefused(t *testing.T) {
	const form = "must be name=value, separated by white space, or a mapping; a JWK within has no white space"
	signing, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	private, secret := publicKey(t), mustGenerate(t, jose.A256KW)
	tests := map[string]struct{ setting, value, want string }{
		"no value":         {"audience_profiles", "orders", form},
		"no name":          {"audience_profiles", "=jwt", form},
		"unknown profile":  {"audience_profiles", "orders=JWT", `orders: "JWT" is none of: at+jwt, jwt, flask`},
		"twice":            {"audience_profiles", "orders=jwt orders=jwt", "orders: is given more than once"},
		"all at once":      {"audience_profiles", "a=x b=jwt c=y", "a: \"x\" is none of: at+jwt, jwt, flask\n--audience-profiles: c: \"y\" is none of: at+jwt, jwt, flask"},
		"long name":        {"audience_profiles", strings.Repeat("a", 256) + "=jwt", form},
		"neither":          {"audience_encryption", "orders=key.pem", "orders: must be a public JWK, or the https URL of a key set"},
		"http":             {"audience_encryption", "orders=http://a.example/jwks", "orders: must be an https URL: with http, others on the network could replace the key"},
		"password in URL":  {"audience_encryption", "orders=https://u:p@a.example/jwks", "orders: must be a URL without user, password and fragment"},
		"fragment":         {"audience_encryption", "orders=https://a.example/jwks#1", "orders: must be a URL without user, password and fragment"},
		"no JSON":          {"audience_encryption", "orders={kty:EC}", "orders: read key set: malformed JSON: string expected at byte 1"},
		"JWK with spaces":  {"audience_encryption", "orders=" + spaced(private.RevealJWK()), form},
		"private":          {"audience_encryption", "orders=" + string(private.RevealJWK()), "orders: is a private key, which only the service may know: make another one, and give its public half"},
		"secret":           {"audience_encryption", "orders=" + string(secret.RevealJWK()), "orders: is a private key, which only the service may know: make another one, and give its public half"},
		"key that signs":   {"audience_encryption", "orders=" + string(signing.PublicJWK()), "orders: jose: key refused: the set has no public key that encrypts"},
		"own audience":     {"audience_encryption", "portaria=https://a.example/jwks", "portaria is the audience of this service itself: it must read these tokens, and cannot if they are encrypted to another key"},
		"too small tokens": {"max_token_size", "511", "511 is not between 512 and 8192"},
		"too large tokens": {"max_token_size", "8193", "8193 is not between 512 and 8192"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(fromFlags(map[string]string{test.setting: test.value}))
			flag := "--" + strings.ReplaceAll(test.setting, "_", "-")
			if diff := cmp.Diff(strings.Split(flag+": "+test.want, "\n"), problems(t, err)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func mustGenerate(t *testing.T, a jose.Algorithm) jose.Key {
	t.Helper()
	key, err := jose.Generate(a)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestMappingsThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"audience_profiles:\n  orders: jwt\n  orders: flask":       ":3: audience_profiles: orders: is given more than once",
		"audience_profiles:\n  orders: tsv":                        `:2: audience_profiles: orders: "tsv" is none of: at+jwt, jwt, flask`,
		"audience_profiles:\n  a: jwt\n  orders:":                  ":3: audience_profiles: orders: must be a text; put quotes around a JWK",
		"audience_encryption:\n  orders: {\"kty\": EC}":            ":2: audience_encryption: orders: must be a text; put quotes around a JWK",
		"audience_encryption:\n  portaria: https://a.example/keys": ":1: audience_encryption: portaria is the audience of this service itself: it must read these tokens, and cannot if they are encrypted to another key",
	} {
		file := write(t, "p.yaml", text)
		_, err := config.Load(config.Sources{File: file})
		if diff := cmp.Diff([]string{file + want}, problems(t, err)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

// TestPrivateKeysAreNotEchoed, however they are mangled on the way.
func TestPrivateKeysAreNotEchoed(t *testing.T) {
	private := publicKey(t)
	jwk := string(private.RevealJWK())
	_, rest, _ := strings.Cut(jwk, `"d":"`)
	d, _, _ := strings.Cut(rest, `"`)
	if len(d) < 40 {
		t.Fatal("no private value in the JWK")
	}
	for name, value := range map[string]string{
		"private":            "orders=" + jwk,
		"without name":       jwk,
		"with spaces":        "orders=" + spaced(private.RevealJWK()),
		"padded, spaces":     "orders=" + strings.Replace(spaced(private.RevealJWK()), d, d+"=", 1),
		"cut off":            "orders=" + jwk[:strings.Index(jwk, d)+len(d)],
		"halves that differ": "orders=" + strings.Replace(jwk, `"x":"`, `"x":"A`, 1),
		"bare":               "orders=" + d,
		"bare and padded":    "orders=jwt " + d + `"=`,
		"as a profile":       "orders=" + jwk,
	} {
		for _, setting := range []string{"audience_encryption", "audience_profiles"} {
			_, err := config.Load(fromFlags(map[string]string{setting: value}))
			if err == nil || strings.Contains(err.Error(), d[4:]) {
				t.Errorf("%s in %s: %v", name, setting, err)
			}
		}
	}
}

func TestServicesOfThePolicy(t *testing.T) {
	c := load(t, fromEnvironment(map[string]string{
		"audience":            "portal",
		"audience_profiles":   "portal=flask orders=jwt archive=jwt",
		"audience_encryption": "archive=" + string(publicKey(t).PublicJWK()) + " payroll=http://localhost:1/jwks",
	}))
	policy := c.Token("https://a.example")
	if err := policy.Validate(); err != nil {
		t.Fatal(err)
	}
	got := map[string]token.Profile{}
	for audience, service := range policy.Services {
		got[audience] = service.Profile
	}
	if diff := cmp.Diff(map[string]token.Profile{"portal": token.Flask, "orders": token.PlainJWT, "archive": token.PlainJWT, "payroll": ""}, got); diff != "" {
		t.Error(diff)
	}
	if policy.Services["orders"].EncryptTo != nil {
		t.Error("tokens are encrypted without being asked for")
	}
	key, err := policy.Services["archive"].EncryptTo.EncryptionKey(time.Time{})
	if err != nil || key.Kid() != publicKey(t).Kid() || key.Private() {
		t.Errorf("key %s, private %t, %v", key.Kid(), key.Private(), err)
	}
	if _, err := policy.Services["payroll"].EncryptTo.EncryptionKey(time.Time{}); !errors.Is(err, token.ErrNoEncryptionKey) {
		t.Errorf("a key that nobody fetched: %v", err)
	}
	if diff := cmp.Diff(config.ServiceKey{URL: "http://localhost:1/jwks"}, c.AudienceEncryption["payroll"]); diff != "" {
		t.Error(diff)
	}
}
