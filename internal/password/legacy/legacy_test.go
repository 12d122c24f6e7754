package legacy_test

import (
	"bufio"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/password/legacy"
)

type fixture struct {
	from, scheme, password string
	source                 legacy.Source
}

// fixtures returns the hashes that testdata/make.sh made with the real tools.
func fixtures(t testing.TB) []fixture {
	t.Helper()
	file, err := os.Open("testdata/fixtures.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out []fixture
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		f := strings.Split(lines.Text(), "\t")
		if len(f) != 6 {
			t.Fatalf("line %q has %d columns", lines.Text(), len(f))
		}
		salt, err := hex.DecodeString(f[4])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fixture{f[0], f[1], f[2], legacy.Source{Text: f[3], Salt: salt, Scheme: f[5]}})
	}
	if len(out) == 0 {
		t.Fatal("no fixture")
	}
	return out
}

func parse(t testing.TB, s legacy.Source) legacy.Hash {
	t.Helper()
	h, err := legacy.Parse(s)
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	return h
}

func TestHashesOfRealTools(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range fixtures(t) {
		h := parse(t, f.source)
		seen[h.Scheme()] = true
		if h.Scheme() != f.scheme {
			t.Errorf("%s: %s is detected as %s", f.from, f.source.Text, h.Scheme())
		}
		if err := h.Verify([]byte(f.password)); err != nil {
			t.Errorf("%s: %s: %v", f.from, f.source.Text, err)
		}
		if err := h.Verify([]byte("x" + f.password)); !errors.Is(err, legacy.ErrMismatch) {
			t.Errorf("%s: wrong password for %s: %v", f.from, f.source.Text, err)
		}
		if err := h.Verify(nil); !errors.Is(err, legacy.ErrMismatch) {
			t.Errorf("%s: no password for %s: %v", f.from, f.source.Text, err)
		}
	}
	for _, scheme := range legacy.Schemes() {
		if !seen[scheme] {
			t.Errorf("no fixture for %s", scheme)
		}
	}
}

func TestStoredAndWrappedForms(t *testing.T) {
	for _, f := range fixtures(t) {
		plain := parse(t, f.source)
		wrapped, err := plain.Wrap(64, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wrapped.Wrap(64, 1, 1); err == nil {
			t.Errorf("%s: wrapped twice", f.scheme)
		}
		for _, h := range []legacy.Hash{plain, wrapped} {
			if !legacy.Recognizes(h.String()) {
				t.Errorf("not recognised: %s", h)
			}
			again, err := legacy.Stored(h.String())
			if err != nil {
				t.Errorf("%s: %v", h, err)
				continue
			}
			if again.String() != h.String() || again.Wrapped() != h.Wrapped() || again.Scheme() != f.scheme {
				t.Errorf("%s became %s", h, again)
			}
			if err := again.Verify([]byte(f.password)); err != nil {
				t.Errorf("%s: %v", h, err)
			}
			if err := again.Verify([]byte(f.password + "x")); !errors.Is(err, legacy.ErrMismatch) && !truncates(f) {
				t.Errorf("wrong password for %s: %v", h, err)
			}
		}
	}
}

// truncates reports whether the scheme ignores the end of this password.
func truncates(f fixture) bool { return f.scheme == "bcrypt" && len(f.password) >= 72 }

func TestWrappedFormHidesTheDigest(t *testing.T) {
	h := parse(t, legacy.Source{Text: "5f4dcc3b5aa765d61d8327deb882cf99"}) // md5 of "password"
	digest := h.String()[strings.LastIndex(h.String(), "$")+1:]
	wrapped, err := h.Wrap(64, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(wrapped.String(), digest) {
		t.Errorf("%s contains the digest %s", wrapped, digest)
	}
	other, _ := h.Wrap(64, 1, 1)
	if other.String() == wrapped.String() {
		t.Error("two wraps share their salt")
	}
	if h.Outer() != "" || !strings.HasPrefix(wrapped.Outer(), "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Errorf("outer hash is %q and %q", h.Outer(), wrapped.Outer())
	}
}

func TestZeroHashMatchesNothing(t *testing.T) {
	for _, password := range []string{"", "x"} {
		if err := (legacy.Hash{}).Verify([]byte(password)); err == nil {
			t.Errorf("%q matches the zero value", password)
		}
	}
}

func TestPasswordTooLong(t *testing.T) {
	h := parse(t, legacy.Source{Text: "5f4dcc3b5aa765d61d8327deb882cf99"})
	if _, err := h.Digest(make([]byte, legacy.MaxPassword+1)); err == nil {
		t.Error("a digest was computed")
	}
}

// A new hash has the work 19456 KiB × 2.
func TestWeak(t *testing.T) {
	const least = 19456 * 2
	for text, want := range map[string]bool{
		"5f4dcc3b5aa765d61d8327deb882cf99":                                                       true,
		"$2y$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui":                           true,
		"$2y$12$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui":                           false,
		"$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc": false,
		"pbkdf2_sha256$1000$c2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc=":                 true,
		"pbkdf2_sha256$870000$c2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc=":               false,
		"$P$Babcdefgh" + strings.Repeat("a", 22):                                                 true,
		"$6$somesalt$" + strings.Repeat("a", 86):                                                 true,
		"$scrypt$ln=15,r=8,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc":          false,
		"$scrypt$ln=4,r=8,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc":           true,
		"$argon2id$v=19$m=128,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc":   true,
		"{SSHA}MTIzNDU2Nzg5MDEyMzQ1Njc4OTBzYWx0":                                                 true,
		"$wp$2y$10$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui":                        false,
		"$apr1$salt$" + strings.Repeat("a", 22):                                                  true,
	} {
		h := parse(t, legacy.Source{Text: text})
		if h.Weak(least) != want {
			t.Errorf("%s: weak is %v, work is %d", text, !want, h.Work())
		}
	}
}
