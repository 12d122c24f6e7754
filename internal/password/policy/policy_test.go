package policy_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/password/policy"
)

func typed(t testing.TB, text string) password.Plain {
	t.Helper()
	p, err := password.Typed(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCommonPasswordsAreRefused(t *testing.T) {
	var c policy.Checker
	for _, in := range []string{
		"123456789", "102030", "flamengo", "corinthians", "mirantte", "q1w2e3r4t5y6", "senha123", "brasil123",
		"password", "Password1", "PASSWORD1!", "qwertyuiop", "iloveyou", "1q2w3e4r5t",
		// The usual substitutions.
		"p@ssw0rd", "P@$$w0rd", "fl4mengo", "Fl@meng0", "c0rinthians", "s3nh41234", "br4s1l2024", "pa55word",
		// Years, digits and signs.
		"flamengo2024", "Flamengo1981!", "corinthians10", "senha12345", "senha123456", "Senha@2025", "1234brasil", "@brasil2022", "brasil!!!!", "maria2010", "#Palmeiras51",
		"senha102030", "gabriel1212", "Mudar@123", "mudar123",
		// Accents and width.
		"coração", "Coração1", "ｐａｓｓｗｏｒｄ", "São Paulo 1", "senha senha",
		// Repetitions and sequences.
		"aaaaaaaa", "abababab", "senhasenha", "abcdefgh", "98765432", "12341234", "flamengoflamengo", "zzzzzzzzzzzzzzzzzzzzzzzz",
	} {
		if err := c.Check(t.Context(), typed(t, in)); !errors.Is(err, policy.ErrCommon) {
			t.Errorf("%s: %v", in, err)
		}
	}
}

func TestGoodPasswordsAreAccepted(t *testing.T) {
	c := policy.New([]string{"Portaria", "padaria-central"})
	for _, in := range []string{
		"correct horse battery", "correct horse", "café com leite e pão", "vinte e dois patos", "xk29-fjw8-1mzq", "Tr0ub4dor&3xyz", "kq7hd82nv",
		"flamengo perdeu de novo", "meu cachorro late alto", "8f3a1c9e", "abcd-7391-xyzw", "joelho torto 77", "ich liebe Brot", "Dona Maria da padaria",
		strings.Repeat("muito comprido ", 10),
	} {
		if err := c.Check(t.Context(), typed(t, in), "ana.paula@example.com"); err != nil {
			t.Errorf("%s: %v", in, err)
		}
	}
}

func TestNamesAreRefused(t *testing.T) {
	c := policy.New([]string{"padaria-central", "Xingu"})
	for in, want := range map[string]error{
		"ana.paula@example.com": policy.ErrIdentifier, "Ana.Paula": policy.ErrIdentifier, "anapaula": policy.ErrIdentifier, "anapaula1999": policy.ErrIdentifier,
		"AnaPaula!": policy.ErrIdentifier, "@n@p@ul@": policy.ErrIdentifier, "anapaula12041987": policy.ErrIdentifier, "anapaulaanapaula": policy.ErrIdentifier,
		"paula senha": policy.ErrIdentifier, "ana.paula": policy.ErrIdentifier,
		"padariacentral": policy.ErrWord, "Padaria-Central1": policy.ErrWord, "xingu2024": policy.ErrWord, "X1ngu!!!": policy.ErrWord, "xinguxingu": policy.ErrWord,
		"paula comprou dois patos": nil, "na padaria-central tem sonho": nil, "xingu é um rio": nil,
	} {
		if err := c.Check(t.Context(), typed(t, in), "ana.paula@example.com", "Ana.Paula@Example.com"); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: %v, want %v", in, err, want)
		}
	}
	if err := c.Check(t.Context(), typed(t, "Ana19872"), "ana"); !errors.Is(err, policy.ErrIdentifier) {
		t.Error(err)
	}
	// Short names are in many good passwords by chance.
	if err := c.Check(t.Context(), typed(t, "bonanza 7 rivers"), "ana", "a@b.example"); err != nil {
		t.Error(err)
	}
}

type breaches struct {
	known map[string]bool
	err   error
}

func (b breaches) Contains(_ context.Context, chosen password.Plain) (bool, error) {
	return b.known[chosen.Reveal()], b.err
}

func TestBreaches(t *testing.T) {
	const in = "vinte e dois patos"
	c := policy.New(nil, breaches{}, breaches{known: map[string]bool{in: true}})
	if err := c.Check(t.Context(), typed(t, in)); !errors.Is(err, policy.ErrBreached) {
		t.Error(err)
	}
	if err := c.CheckOffline(typed(t, in)); err != nil {
		t.Error(err)
	}
	if err := c.Check(t.Context(), typed(t, "vinte e tres patos")); err != nil {
		t.Error(err)
	}
	if err := policy.New(nil, breaches{err: policy.ErrNotChecked}).Check(t.Context(), typed(t, in)); !errors.Is(err, policy.ErrNotChecked) {
		t.Error(err)
	}
}

func TestListIsLongEnough(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(policy.List(), "\n"), "\n")
	if len(lines) < 50_000 {
		t.Errorf("%d words", len(lines))
	}
	for i, line := range lines {
		if line != policy.Fold(line) || i > 0 && line <= lines[i-1] || !policy.Listed(line) {
			t.Fatalf("line %d: %q", i+1, line)
		}
	}
	for _, word := range []string{"", "a", "zzzzzzzzzz", "!", "password\npassword", "passwor\x00"} {
		if policy.Listed(word) {
			t.Errorf("%q is on the list", word)
		}
	}
}

// The answer comes in less than a millisecond, whatever is asked: the check runs
// before the hash is queued.
func TestCostIsBounded(t *testing.T) {
	c := policy.New([]string{"portaria"})
	for _, in := range []string{
		strings.Repeat("a", 64), strings.Repeat("@1", 32), strings.Repeat("ab", 128), strings.Repeat("😀", 64), strings.Repeat("́", 64), strings.Repeat("ﷺ", 64),
		strings.Repeat("a", password.MaxTyped),
	} {
		_ = c.Check(t.Context(), typed(t, in), "ana.paula@example.com") // reads the list
		start := time.Now()
		for range 20 {
			_ = c.Check(t.Context(), typed(t, in), strings.Repeat("paula.", 40)+"@example.com")
		}
		if each := time.Since(start) / 20; each > 20*time.Millisecond {
			t.Errorf("%.10q…: %v", in, each)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, in := range []string{"", "a", "senha123", "p@ss\x00w0rd", "\xff\xfe", "ﷺﷺﷺ", "ana.paula"} {
		f.Add(in, "ana.paula@example.com")
	}
	c := policy.New([]string{"portaria"})
	f.Fuzz(func(t *testing.T, in, name string) {
		chosen, err := password.Typed(in)
		if err != nil {
			t.Skip("refused before it is checked")
		}
		err = c.Check(context.Background(), chosen, name)
		if folded := policy.Fold(chosen.Reveal()); err == nil && len(in) <= policy.MaxChecked && policy.Listed(folded) {
			t.Errorf("%q is on the list", in)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	c := policy.New([]string{"portaria"})
	b.ReportAllocs()
	for b.Loop() {
		_ = c.Check(b.Context(), typed(b, "vinte e dois patos"), "ana.paula@example.com")
	}
}
