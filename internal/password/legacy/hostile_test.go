package legacy_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/password/legacy"
)

const (
	tag32  = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	salt8  = "c29tZXNhbHQ"
	bcrypt = "abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"
	huge   = "99999999999999999999"
)

func tag(n int) string { return base64.RawStdEncoding.EncodeToString(make([]byte, n)) }

func identity3(function, iterations, salt uint32, length int) string {
	b := []byte{1}
	for _, n := range []uint32{function, iterations, salt} {
		b = append(b, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return base64.StdEncoding.EncodeToString(append(b, make([]byte, length)...))
}

// limits has a text with the greatest parameter that is computed, and one with
// the next.
var limits = map[string][2]string{
	"bcrypt cost":        {"$2b$16$" + bcrypt, "$2b$17$" + bcrypt},
	"WordPress cost":     {"$wp$2y$16$" + bcrypt, "$wp$2y$17$" + bcrypt},
	"Argon2 memory":      {"$argon2i$v=19$m=262144,t=1,p=1$" + salt8 + "$" + tag32, "$argon2i$v=19$m=262145,t=1,p=1$" + salt8 + "$" + tag32},
	"Argon2 passes":      {"$argon2d$v=19$m=64,t=64,p=1$" + salt8 + "$" + tag32, "$argon2d$v=19$m=64,t=65,p=1$" + salt8 + "$" + tag32},
	"Argon2 lanes":       {"$argon2id$v=19$m=256,t=1,p=32$" + salt8 + "$" + tag32, "$argon2id$v=19$m=264,t=1,p=33$" + salt8 + "$" + tag32},
	"Argon2 work":        {"$argon2id$v=19$m=262144,t=16,p=1$" + salt8 + "$" + tag32, "$argon2id$v=19$m=262144,t=17,p=1$" + salt8 + "$" + tag32},
	"scrypt memory":      {"$scrypt$ln=18,r=8,p=1$" + salt8 + "$" + tag32, "$scrypt$ln=19,r=8,p=1$" + salt8 + "$" + tag32},
	"scrypt r":           {"$scrypt$ln=4,r=32,p=1$" + salt8 + "$" + tag32, "$scrypt$ln=4,r=33,p=1$" + salt8 + "$" + tag32},
	"scrypt p":           {"$scrypt$ln=4,r=8,p=32$" + salt8 + "$" + tag32, "$scrypt$ln=4,r=8,p=33$" + salt8 + "$" + tag32},
	"scrypt in total":    {"$scrypt$ln=18,r=8,p=4$" + salt8 + "$" + tag32, "$scrypt$ln=18,r=8,p=5$" + salt8 + "$" + tag32},
	"Werkzeug's scrypt":  {"scrypt:262144:8:1$salt$" + strings.Repeat("ab", 64), "scrypt:524288:8:1$salt$" + strings.Repeat("ab", 64)},
	"Django's scrypt":    {"scrypt$262144$salt$8$1$" + tag(64), "scrypt$524288$salt$8$1$" + tag(64)},
	"Firebase's scrypt":  {"$fbscrypt$v=1,n=18,r=8,p=1,ss=Bw==,sk=" + tag(64) + "$c2FsdA==$" + tag(64), "$fbscrypt$v=1,n=19,r=8,p=1,ss=Bw==,sk=" + tag(64) + "$c2FsdA==$" + tag(64)},
	"PBKDF2":             {"pbkdf2_sha256$5000000$salt$" + tag32, "pbkdf2_sha256$5000001$salt$" + tag32},
	"PBKDF2, two blocks": {"pbkdf2:sha256:2500000$salt$" + strings.Repeat("ab", 64), "pbkdf2:sha256:2500001$salt$" + strings.Repeat("ab", 64)},
	"passlib's PBKDF2":   {"$pbkdf2-sha512$5000000$" + salt8 + "$" + tag(64), "$pbkdf2-sha512$5000001$" + salt8 + "$" + tag(64)},
	"ASP.NET Identity 3": {identity3(1, 5_000_000, 16, 48), identity3(1, 5_000_001, 16, 48)},
	"sha256-crypt":       {"$5$rounds=1000000$salt$" + strings.Repeat("a", 43), "$5$rounds=1000001$salt$" + strings.Repeat("a", 43)},
	"sha512-crypt":       {"$6$rounds=1000000$salt$" + strings.Repeat("a", 86), "$6$rounds=1000001$salt$" + strings.Repeat("a", 86)},
	"yescrypt":           {"$y$jF5$4fKyWvaqJa2kI1$" + yes, "$y$jG5$4fKyWvaqJa2kI1$" + yes},
	"phpass":             {"$P$Kabcdefgh" + strings.Repeat("a", 22), "$P$Labcdefgh" + strings.Repeat("a", 22)},
	"Keycloak":           {keycloak("pbkdf2-sha256", 5_000_000, "{}"), keycloak("pbkdf2-sha256", 5_000_001, "{}")},
	"Keycloak's Argon2":  {keycloak("argon2", 16, argon("262144")), keycloak("argon2", 17, argon("262144"))},
}

const yes = "..........................................."

func argon(memory string) string {
	return `{"memory":["` + memory + `"],"type":["id"],"version":["1.3"],"parallelism":["1"]}`
}

func keycloak(algorithm string, iterations int, more string) string {
	return fmt.Sprintf(`{"secretData":%q,"credentialData":%q}`, `{"value":"`+tag32+`=","salt":"`+salt8+`="}`,
		fmt.Sprintf(`{"hashIterations":%d,"algorithm":"%s","additionalParameters":%s}`, iterations, algorithm, more))
}

func TestLimits(t *testing.T) {
	for name, texts := range limits {
		h, err := legacy.Parse(legacy.Source{Text: texts[0]})
		if err != nil {
			t.Errorf("%s at the limit: %v", name, err)
			continue
		}
		if _, err := legacy.Stored(h.String()); err != nil {
			t.Errorf("%s at the limit, stored: %v", name, err)
		}
		if _, err := legacy.Parse(legacy.Source{Text: texts[1]}); !errors.Is(err, legacy.ErrTooCostly) {
			t.Errorf("%s beyond the limit: %v", name, err)
		}
	}
}

// One row of the database must not cost more than one line of an import.
func TestLimitsOfStoredTexts(t *testing.T) {
	for _, text := range []string{
		"$legacy$bcrypt$17,0,0,31$YWJjZGVmZ2hpamtsbW5vcA$$" + tag(31),
		"$legacy$scrypt$524288,8,1,32$" + salt8 + "$$" + tag32,
		"$legacy$pbkdf2-sha256$5000001,0,0,32$" + salt8 + "$$" + tag32,
		"$wrapped$pbkdf2-sha256$2500001,0,0,64$" + salt8 + "$$argon2id$v=19$m=64,t=1,p=1$" + salt8 + "$" + tag32,
		"$wrapped$md5$0,0,0,16$$$argon2id$v=19$m=1048577,t=1,p=1$" + salt8 + "$" + tag32,
		"$wrapped$md5$0,0,0,16$$$argon2id$v=19$m=1048576,t=5,p=1$" + salt8 + "$" + tag32,
	} {
		if _, err := legacy.Stored(text); !errors.Is(err, legacy.ErrTooCostly) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{
		"$wrapped$pbkdf2-sha256$2500000,0,0,64$" + salt8 + "$$argon2id$v=19$m=64,t=1,p=1$" + salt8 + "$" + tag32,
		"$wrapped$md5$0,0,0,16$$$argon2id$v=19$m=1048576,t=4,p=1$" + salt8 + "$" + tag32,
	} {
		if _, err := legacy.Stored(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestMalformed(t *testing.T) {
	for name, s := range map[string]legacy.Source{
		"empty":                  {},
		"endless":                {Text: "$2b$10$" + strings.Repeat("a", legacy.MaxText)},
		"endless salt":           {Text: tag32, Salt: make([]byte, 257), Scheme: "sha256-salt-password"},
		"line break":             {Text: "$2b$10$" + bcrypt + "\n"},
		"NUL":                    {Text: "5f4dcc3b5aa765d61d8327deb882cf9\x00"},
		"bcrypt, short":          {Text: "$2b$10$" + bcrypt[1:]},
		"bcrypt, one digit":      {Text: "$2b$9$" + bcrypt},
		"bcrypt, cost 3":         {Text: "$2b$03$" + bcrypt},
		"bcrypt, signed":         {Text: "$2b$+9$" + bcrypt},
		"bcrypt, alphabet":       {Text: "$2b$10$!" + bcrypt[1:]},
		"Argon2, version 16":     {Text: "$argon2i$v=16$m=64,t=1,p=1$" + salt8 + "$" + tag32},
		"Argon2, no version":     {Text: "$argon2i$m=64,t=1,p=1$" + salt8 + "$" + tag32},
		"Argon2, twice":          {Text: "$argon2i$v=19$m=64,t=1,t=1$" + salt8 + "$" + tag32},
		"Argon2, four":           {Text: "$argon2i$v=19$m=64,t=1,p=1,data=AA$" + salt8 + "$" + tag32},
		"Argon2, no passes":      {Text: "$argon2i$v=19$m=64,t=0,p=1$" + salt8 + "$" + tag32},
		"Argon2, no lane":        {Text: "$argon2i$v=19$m=64,t=1,p=0$" + salt8 + "$" + tag32},
		"Argon2, little memory":  {Text: "$argon2i$v=19$m=15,t=1,p=2$" + salt8 + "$" + tag32},
		"Argon2, short salt":     {Text: "$argon2i$v=19$m=64,t=1,p=1$c2FsdA$" + tag32},
		"Argon2, short digest":   {Text: "$argon2i$v=19$m=64,t=1,p=1$" + salt8 + "$" + tag(15)},
		"Argon2, long digest":    {Text: "$argon2i$v=19$m=64,t=1,p=1$" + salt8 + "$" + tag(129)},
		"scrypt, N":              {Text: "scrypt:1000:8:1$salt$" + strings.Repeat("ab", 64)},
		"scrypt, N is 1":         {Text: "scrypt:1:8:1$salt$" + strings.Repeat("ab", 64)},
		"scrypt, r":              {Text: "scrypt:1024:0:1$salt$" + strings.Repeat("ab", 64)},
		"Firebase, no key":       {Text: "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=$c2FsdA==$" + tag(64)},
		"Firebase, short digest": {Text: "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=" + tag(64) + "$c2FsdA==$" + tag(32)},
		"PBKDF2, no iterations":  {Text: "pbkdf2_sha256$0$salt$" + tag32},
		"sha-crypt, few rounds":  {Text: "$5$rounds=999$salt$" + strings.Repeat("a", 43)},
		"sha-crypt, long salt":   {Text: "$5$" + strings.Repeat("s", 17) + "$" + strings.Repeat("a", 43)},
		"sha-crypt, short":       {Text: "$5$salt$" + strings.Repeat("a", 42)},
		"md5-crypt, long salt":   {Text: "$1$123456789$" + strings.Repeat("a", 22)},
		"yescrypt, flags":        {Text: "$y$k9T$4fKyWvaqJa2kI1$" + yes},
		"yescrypt, small":        {Text: "$y$j65$4fKyWvaqJa2kI1$" + yes},
		"phpass, short":          {Text: "$P$Babcdefgh" + strings.Repeat("a", 21)},
		"phpass, cost 6":         {Text: "$P$4abcdefgh" + strings.Repeat("a", 22)},
		"ASP.NET, salt":          {Text: identity3(1, 1000, 1<<31, 48)},
		"ASP.NET, function":      {Text: identity3(3, 1000, 16, 48)},
		"Keycloak, not JSON":     {Text: `{"secretData":1}`},
		"SSHA without a salt":    {Text: "{SSHA}" + tag(20)},
		"SHA with a salt":        {Text: "{SHA}" + tag(24)},
		"MD5 with a salt":        {Text: "5f4dcc3b5aa765d61d8327deb882cf99", Salt: []byte("salt"), Scheme: "md5"},
		"salted MD5, no salt":    {Text: "5f4dcc3b5aa765d61d8327deb882cf99", Scheme: "md5-password-salt"},
		"two salts":              {Text: "$2b$10$" + bcrypt, Salt: []byte("salt")},
		"two salts, Django":      {Text: "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99", Salt: []byte("salt")},
		"declared otherwise":     {Text: "$2b$10$" + bcrypt, Scheme: "scrypt"},
		"declared digest":        {Text: "5f4dcc3b5aa765d61d8327deb882cf99", Scheme: "sha1"},
	} {
		if _, err := legacy.Parse(s); !errors.Is(err, legacy.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNumbersBeyondEveryType(t *testing.T) {
	for _, text := range []string{
		"$argon2id$v=19$m=" + huge + ",t=1,p=1$" + salt8 + "$" + tag32, "$scrypt$ln=" + huge + ",r=8,p=1$" + salt8 + "$" + tag32,
		"$scrypt$ln=32,r=8,p=1$" + salt8 + "$" + tag32, "scrypt:4294967296:8:1$salt$" + strings.Repeat("ab", 64),
		"pbkdf2:sha256:" + huge + "$salt$" + strings.Repeat("ab", 32), "$6$rounds=" + huge + "$salt$" + strings.Repeat("a", 86),
		"$y$jzz$4fKyWvaqJa2kI1$" + yes,
	} {
		if _, err := legacy.Parse(legacy.Source{Text: text}); !errors.Is(err, legacy.ErrTooCostly) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestUnknown(t *testing.T) {
	for _, text := range []string{
		"password", "$2x$10$" + bcrypt, "$9$salt$" + tag32, "$gy$j9T$4fKyWvaqJa2kI1$" + yes, "{CRYPT}x", "{}", "*0", "!", "x",
		"argon2$x", tag32, "$argon2xx$v=19$m=64,t=1,p=1$" + salt8 + "$" + tag32,
	} {
		if h, err := legacy.Parse(legacy.Source{Text: text}); !errors.Is(err, legacy.ErrUnknown) {
			t.Errorf("%s: %s, %v", text, h.Scheme(), err)
		}
	}
	if _, err := legacy.Parse(legacy.Source{Text: "x", Scheme: "rot13"}); !errors.Is(err, legacy.ErrUnknown) {
		t.Error(err)
	}
}

func TestStoredRefusesOtherSpellings(t *testing.T) {
	good := "$legacy$pbkdf2-sha256$1000,0,0,32$" + salt8 + "$$" + tag32
	if _, err := legacy.Stored(good); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"", "x" + good, good + "$", good + "\n", strings.Replace(good, "1000", "01000", 1), strings.Replace(good, "1000", "+1000", 1),
		strings.Replace(good, ",32", ",31", 1), strings.Replace(good, ",0,", ",1,", 1), strings.Replace(good, "legacy", "wrapped", 1),
		strings.Replace(good, "$$", "$c2FsdA$", 1), good[:len(good)-1] + "d", strings.Replace(good, "pbkdf2-sha256", "pbkdf2-md5", 1),
		"$legacy$" + strings.Repeat("a", legacy.MaxText),
		"$wrapped$md5$0,0,0,16$$$argon2i$v=19$m=64,t=1,p=1$" + salt8 + "$" + tag32,
		"$wrapped$md5$0,0,0,16$$$argon2id$v=19$t=1,m=64,p=1$" + salt8 + "$" + tag32,
		"$wrapped$md5$0,0,0,16$$$argon2id$v=19$m=64,t=1,p=1$" + salt8 + "$" + tag(15),
	} {
		if _, err := legacy.Stored(text); err == nil {
			t.Errorf("accepted: %s", text)
		}
	}
}

// FuzzParse: whatever is accepted is within the limits, and its stored text is
// read again as the same hash.
func FuzzParse(f *testing.F) {
	for _, x := range fixtures(f) {
		f.Add(x.source.Text, x.source.Salt, x.source.Scheme)
	}
	for _, texts := range limits {
		f.Add(texts[0], []byte{}, "")
		f.Add(texts[1], []byte{}, "")
	}
	f.Add("$wrapped$md5$0,0,0,16$$$argon2id$v=19$m=64,t=1,p=1$"+salt8+"$"+tag32, []byte{}, "")
	f.Fuzz(func(t *testing.T, text string, salt []byte, scheme string) {
		if h, err := legacy.Stored(text); err == nil && h.String() != text {
			t.Errorf("%q is read as %q", text, h)
		}
		h, err := legacy.Parse(legacy.Source{Text: text, Salt: salt, Scheme: scheme})
		if err != nil {
			return
		}
		again, err := legacy.Stored(h.String())
		if err != nil || again.String() != h.String() {
			t.Errorf("%q is stored as %q: %v", text, h, err)
		}
		if memory, ok := legacy.Memory(h); ok && memory > 256<<20 {
			t.Errorf("%q needs %d bytes", text, memory)
		}
		if h.Work() < 2048 { // cheap enough to compute often
			if err := h.Verify([]byte("password")); err != nil && !errors.Is(err, legacy.ErrMismatch) {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}
