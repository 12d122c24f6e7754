package password_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/password"
)

// known holds the answers of the reference implementation (argon2 20190702,
// src/test.c), "password" with salt "somesalt".
var known = []string{
	"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
	"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
}

func TestKnownAnswers(t *testing.T) {
	h := newHasher(t, cheap(), password.Options{})
	for _, phc := range known {
		if _, err := h.Verify(t.Context(), typed(t, "password"), phc); err != nil {
			t.Errorf("%s: %v", phc, err)
		}
		if _, err := h.Verify(t.Context(), typed(t, "Password"), phc); !errors.Is(err, password.ErrMismatch) {
			t.Errorf("wrong password for %s: %v", phc, err)
		}
	}
}

func TestDefaultHashVerifies(t *testing.T) {
	h := newHasher(t, password.DefaultPolicy(), password.Options{})
	phc := hash(t, h, "correct horse")
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("default hash is %s", phc)
	}
	if outdated, err := h.Verify(t.Context(), typed(t, "correct horse"), phc); outdated || err != nil {
		t.Errorf("outdated %v, error %v", outdated, err)
	}
}

func TestSpellingsOfOneTextMatch(t *testing.T) {
	h := newHasher(t, cheap(), password.Options{})
	if _, err := h.Verify(t.Context(), typed(t, "cafe\u0301 au lait"), hash(t, h, "caf\u00e9 au lait")); err != nil {
		t.Errorf("decomposed spelling: %v", err)
	}
}

func TestSamePasswordSharesNothingAtRest(t *testing.T) {
	h := newHasher(t, cheap(), password.Options{})
	a, b := strings.Split(hash(t, h, "same password"), "$"), strings.Split(hash(t, h, "same password"), "$")
	if a[4] == b[4] || a[5] == b[5] {
		t.Errorf("salt or tag shared: %v, %v", a, b)
	}
	if len(a[4]) != 22 || len(a[5]) != 43 {
		t.Errorf("want 16 bytes of salt and 32 of tag: %v", a)
	}
}

func TestOutdated(t *testing.T) {
	old := password.Policy{MemoryKiB: 64, Iterations: 2, Parallelism: 1, Queue: 1, QueueDeadline: 1, InsecureCheapHashes: true}
	with := func(m, iter uint32, p uint8) password.Policy {
		out := old
		out.MemoryKiB, out.Iterations, out.Parallelism = m, iter, p
		return out
	}
	phc := hash(t, newHasher(t, old, password.Options{}), "secret word")
	for _, c := range []struct {
		name   string
		policy password.Policy
		want   bool
	}{
		{"same", old, false},
		{"more memory now", with(128, 2, 1), true},
		{"more iterations now", with(64, 3, 1), true},
		{"other lanes now", with(64, 2, 2), true},
		{"less memory now", with(32, 2, 1), true},
	} {
		h := newHasher(t, c.policy, password.Options{})
		got, err := h.Verify(t.Context(), typed(t, "secret word"), phc)
		if err != nil || got != c.want {
			t.Errorf("%s: outdated %v, error %v", c.name, got, err)
		}
		if got, err := h.Verify(t.Context(), typed(t, "wrong word"), phc); got || !errors.Is(err, password.ErrMismatch) {
			t.Errorf("%s, wrong password: outdated %v, error %v", c.name, got, err)
		}
	}
	// An 8-byte salt is too short for today even if the parameters agree.
	h := newHasher(t, with(256, 2, 1), password.Options{})
	if got, err := h.Verify(t.Context(), typed(t, "password"), known[0]); !got || err != nil {
		t.Errorf("short salt: outdated %v, error %v", got, err)
	}
}

const (
	goodSalt = "c29tZXNhbHRzb21lc2FsdA"
	goodTag  = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPc"
)

var malformed = map[string]string{
	"empty":                "",
	"another scheme":       "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
	"argon2i":              "$argon2i$v=19$m=64,t=2,p=1$" + goodSalt + "$" + goodTag,
	"old version":          "$argon2id$v=16$m=64,t=2,p=1$" + goodSalt + "$" + goodTag,
	"no version":           "$argon2id$m=64,t=2,p=1$" + goodSalt + "$" + goodTag,
	"text before":          "x$argon2id$v=19$m=64,t=2,p=1$" + goodSalt + "$" + goodTag,
	"text behind":          "$argon2id$v=19$m=64,t=2,p=1$" + goodSalt + "$" + goodTag + "$",
	"other order":          "$argon2id$v=19$t=2,m=64,p=1$" + goodSalt + "$" + goodTag,
	"leading zero":         "$argon2id$v=19$m=064,t=2,p=1$" + goodSalt + "$" + goodTag,
	"sign":                 "$argon2id$v=19$m=+64,t=2,p=1$" + goodSalt + "$" + goodTag,
	"another parameter":    "$argon2id$v=19$m=64,t=2,p=1,data=AA$" + goodSalt + "$" + goodTag,
	"no memory":            "$argon2id$v=19$m=0,t=2,p=1$" + goodSalt + "$" + goodTag,
	"no iterations":        "$argon2id$v=19$m=64,t=0,p=1$" + goodSalt + "$" + goodTag,
	"no lanes":             "$argon2id$v=19$m=64,t=2,p=0$" + goodSalt + "$" + goodTag,
	"lanes above a byte":   "$argon2id$v=19$m=4096,t=2,p=257$" + goodSalt + "$" + goodTag,
	"4 TiB":                "$argon2id$v=19$m=4294967295,t=1,p=1$" + goodSalt + "$" + goodTag,
	"a year":               "$argon2id$v=19$m=64,t=4294967295,p=1$" + goodSalt + "$" + goodTag,
	"too much in total":    "$argon2id$v=19$m=1048576,t=64,p=1$" + goodSalt + "$" + goodTag,
	"short salt":           "$argon2id$v=19$m=64,t=2,p=1$c2FsdA$" + goodTag,
	"short tag":            "$argon2id$v=19$m=64,t=2,p=1$" + goodSalt + "$AAAA",
	"padded":               "$argon2id$v=19$m=64,t=2,p=1$" + goodSalt + "==$" + goodTag + "=",
	"line break in base64": "$argon2id$v=19$m=64,t=2,p=1$" + goodSalt + "$CTFhFdXPJO1aFaMaO6Mm5c8y7cJH\nApl8ArZWb2GRPPc",
	"loose last character": "$argon2id$v=19$m=64,t=2,p=1$" + goodSalt + "$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPd",
	"URL alphabet":         "$argon2id$v=19$m=64,t=2,p=1$" + goodSalt + "$-_FhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPc",
	"endless":              "$argon2id$v=19$m=64,t=2,p=1$" + strings.Repeat("A", 1<<20) + "$" + goodTag,
}

func TestMalformedIsRefusedWithoutWork(t *testing.T) {
	h := newHasher(t, cheap(), password.Options{})
	for name, phc := range malformed {
		if _, err := h.Verify(t.Context(), typed(t, "password"), phc); !errors.Is(err, password.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecoyNeverMatches(t *testing.T) {
	h := newHasher(t, cheap(), password.Options{})
	for _, s := range []string{"", "password", "decoy"} {
		if err := h.Decoy(t.Context(), typed(t, s)); !errors.Is(err, password.ErrMismatch) {
			t.Errorf("decoy with %q: %v", s, err)
		}
	}
}

// Both allocate the memory of one default hash: a decoy that skipped the work
// would not.
func TestDecoyDoesTheSameWork(t *testing.T) {
	h := newHasher(t, password.DefaultPolicy(), password.Options{})
	plain, phc := typed(t, "wrong password"), hash(t, h, "right password")
	bytesOf := func(f func()) int64 {
		return testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				f()
			}
		}).AllocedBytesPerOp()
	}
	verify := bytesOf(func() { h.Verify(context.Background(), plain, phc) })
	decoy := bytesOf(func() { h.Decoy(context.Background(), plain) })
	if diff := verify - decoy; diff > 64<<10 || diff < -64<<10 || decoy < 19<<20 {
		t.Errorf("verify allocates %d bytes, decoy %d", verify, decoy)
	}
}

func FuzzParsePHC(f *testing.F) {
	for _, s := range malformed {
		if len(s) < 1000 {
			f.Add(s)
		}
	}
	for _, s := range known {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		again, kib, iterations, err := password.ParsePHC(s)
		switch {
		case err != nil && !errors.Is(err, password.ErrMalformed):
			t.Errorf("%q: %v", s, err)
		case err == nil && again != s:
			t.Errorf("%q is written back as %q", s, again)
		case err == nil && (kib > 1<<20 || kib*iterations > 4<<20):
			t.Errorf("%q asks for %d KiB, %d times", s, kib, iterations)
		}
	})
}

func BenchmarkHashDefault(b *testing.B) {
	h := newHasher(b, password.DefaultPolicy(), password.Options{})
	plain := typed(b, "correct horse battery staple")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Hash(context.Background(), plain); err != nil {
			b.Fatal(err)
		}
	}
}
