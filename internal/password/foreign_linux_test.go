package password_test

import (
	"bufio"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/password/legacy"
)

type foreign struct {
	scheme, password string
	source           legacy.Source
}

// foreignHashes returns one hash for each scheme and password, as the real tools
// made them.
func foreignHashes(t testing.TB) []foreign {
	t.Helper()
	file, err := os.Open("legacy/testdata/fixtures.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out []foreign
	seen := map[string]bool{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		f := strings.Split(lines.Text(), "\t")
		if len(f) != 6 || seen[f[1]+f[2]] {
			continue
		}
		seen[f[1]+f[2]] = true
		salt, err := hex.DecodeString(f[4])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, foreign{f[1], f[2], legacy.Source{Text: f[3], Salt: salt, Scheme: f[5]}})
	}
	if len(out) < len(legacy.Schemes()) {
		t.Fatalf("%d hashes", len(out))
	}
	return out
}

func accept(t testing.TB, h *password.Hasher, s legacy.Source, wrap password.Wrap) string {
	t.Helper()
	stored, err := h.Accept(t.Context(), s, wrap)
	if err != nil {
		t.Fatalf("%s: %v", s.Text, err)
	}
	return stored
}

func TestHashesOfOtherSystems(t *testing.T) {
	h := newHasher(t, cheap(), password.Options{})
	for _, f := range foreignHashes(t) {
		for _, wrap := range []password.Wrap{password.WrapNone, password.WrapAll} {
			stored := accept(t, h, f.source, wrap)
			if outdated, err := h.Verify(t.Context(), typed(t, f.password), stored); err != nil || !outdated {
				t.Errorf("%s, wrap %s: outdated %v, error %v", f.scheme, wrap, outdated, err)
			}
			if _, err := h.Verify(t.Context(), typed(t, "x"+f.password), stored); !errors.Is(err, password.ErrMismatch) {
				t.Errorf("%s, wrap %s, wrong password: %v", f.scheme, wrap, err)
			}
			if err := h.Refuse(t.Context(), typed(t, f.password), stored); !errors.Is(err, password.ErrMismatch) {
				t.Errorf("%s, wrap %s, refused: %v", f.scheme, wrap, err)
			}
		}
	}
}

func TestWeakHashesAreWrapped(t *testing.T) {
	h := newHasher(t, password.DefaultPolicy(), password.Options{})
	const bcrypt12, weak = "$2y$12$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui", "5f4dcc3b5aa765d61d8327deb882cf99"
	for _, c := range []struct {
		text   string
		wrap   password.Wrap
		prefix string
	}{
		{weak, password.WrapWeak, "$wrapped$"}, {bcrypt12, password.WrapWeak, "$legacy$"},
		{weak, password.WrapNone, "$legacy$"}, {bcrypt12, password.WrapAll, "$wrapped$"},
		{weak, "", "$wrapped$"}, // the zero value protects
	} {
		stored := accept(t, h, legacy.Source{Text: c.text}, c.wrap)
		if !strings.HasPrefix(stored, c.prefix) {
			t.Errorf("%s, wrap %q: %s", c.text, c.wrap, stored)
		}
		if c.prefix == "$wrapped$" && !strings.Contains(stored, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("parameters of the wrap: %s", stored)
		}
	}
	if _, err := h.Accept(t.Context(), legacy.Source{Text: "$2b$31$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"}, ""); !errors.Is(err, legacy.ErrTooCostly) {
		t.Errorf("bcrypt of cost 31: %v", err)
	}
}

// Some systems hashed what a browser sent, in any normal form.
func TestForeignHashesOfOtherNormalForms(t *testing.T) {
	h := newHasher(t, cheap(), password.Options{})
	const composed, decomposed = "jos\u00e9 maria", "jose\u0301 maria"
	for _, text := range []string{composed, decomposed} {
		stored := accept(t, h, legacy.Source{Text: md5Hex(text)}, password.WrapNone)
		if _, err := h.Verify(t.Context(), typed(t, text), stored); err != nil {
			t.Errorf("%q as it was hashed: %v", text, err)
		}
	}
	stored := accept(t, h, legacy.Source{Text: md5Hex(composed)}, password.WrapNone)
	if _, err := h.Verify(t.Context(), typed(t, decomposed), stored); err != nil {
		t.Errorf("decomposed for a hash of the composed text: %v", err)
	}
}

func TestStoredForeignHashIsMalformed(t *testing.T) {
	h := newHasher(t, cheap(), password.Options{})
	for _, stored := range []string{"$legacy$", "$legacy$md5$0,0,0,16$$$x", "$legacy$bcrypt$31,0,0,31$YWJjZGVmZ2hpamtsbW5vcA$$AA", "$wrapped$md5"} {
		if _, err := h.Verify(t.Context(), typed(t, "password"), stored); !errors.Is(err, password.ErrMalformed) {
			t.Errorf("%s: %v", stored, err)
		}
	}
}

// Long passwords of other systems stay usable.
func TestLongForeignPassword(t *testing.T) {
	h := newHasher(t, cheap(), password.Options{})
	long := strings.Repeat("long ", 200)
	if _, err := h.Verify(t.Context(), typed(t, long), accept(t, h, legacy.Source{Text: md5Hex(long)}, password.WrapAll)); err != nil {
		t.Error(err)
	}
}

// Every refusal costs the same, whatever hash the account has: otherwise its
// duration says which accounts exist, and which came from another system.
func TestRefusalsCostTheSame(t *testing.T) {
	h := newHasher(t, password.DefaultPolicy(), password.Options{})
	const bcrypt11 = "$2y$11$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"
	old := legacy.Source{Text: md5Hex("right password")}
	stored := map[string]string{"current": hash(t, h, "right password"), "md5": accept(t, h, old, password.WrapNone),
		"wrapped md5": accept(t, h, old, password.WrapAll)}
	alike := func() {
		t.Helper()
		cost := map[string]time.Duration{"unknown account": cpuOf(func() { h.Decoy(t.Context(), typed(t, "wrong password")) })}
		for name, text := range stored {
			cost[name] = cpuOf(func() { h.Verify(t.Context(), typed(t, "wrong password"), text) })
			cost[name+", disabled"] = cpuOf(func() { h.Refuse(t.Context(), typed(t, "right password"), text) })
		}
		all := slices.Sorted(maps.Values(cost))
		if all[len(all)-1] > dearest*all[0] {
			t.Errorf("refusals cost differently: %v", cost)
		}
	}
	alike()
	stored["bcrypt"] = accept(t, h, legacy.Source{Text: bcrypt11}, password.WrapNone)
	alike()
}

// cpuOf returns the processor time of f, the least of three runs.
func cpuOf(f func()) time.Duration {
	least := time.Hour
	for range 3 {
		before := password.CPUTime()
		f()
		least = min(least, password.CPUTime()-before)
	}
	return least
}

func md5Hex(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}
