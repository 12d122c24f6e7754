package account_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/portaria/portaria/internal/account"
)

// Every line is one person: all spellings lead to the first.
var same = [][]string{
	{"ana", "ANA", "Ana", "  ana\t", "\u3000ana\n", "ａｎａ", "ＡＮＡ"},
	{"ana@example.org", "Ana@Example.ORG", "ana＠example.org", "ana@example。org", "ana@ｅxample.org"},
	{"ana+lists@example.org", "ANA+Lists@example.org"},
	{"o'brien_99.x-y", "O'Brien_99.X-Y"},
	{"jos\u00e9", "JOSE\u0301", "jose\u0301"},
	{"a@xn--bcher-kva.example", "A@BÜCHER.example", "a@bu\u0308cher.example", "a@XN--BCHER-KVA.example", "a＠bücher.example"},
	{"a@xn--strae-oqa.example", "a@straße.example"},
	{"stra\u00dfe", "STRA\u1e9eE"},      // capital sharp s is ß, never ss
	{"i\u0307stanbul", "\u0130stanbul"}, // dotted capital I keeps its dot
	{"σοφοσ", "ΣΟΦΟΣ", "ΣΟΦΟσ"},         // RFC 8265 lowers letter by letter
	{"σοφος", "ΣΟΦΟς"},                  // so a final sigma is another letter
	{"k", "K", "\u212a"},                // Kelvin sign
	{"ёлка", "ЁЛКА", "Е\u0308лка"},
	{"カナ", "ｶﾅ"},
	{"שלום"},
	{"a@xn--4dbrk0ce.example", "a@ישראל.example"},
}

// No two of a line are the same person, alike as they look.
var different = [][]string{
	{"ana", "аna" /* Cyrillic а */, "anа"},
	{"strasse", "straße"},
	{"istanbul", "ıstanbul" /* dotless */, "i\u0307stanbul"},
	{"σοφος", "σοφοσ"},
	{"a@σοφος.example", "a@σοφοσ.example"},
	{"jose", "josé"},
	{"ana", "ana@example.org", "ana@example.com", "ana+x@example.org", "an.a@example.org"},
	{"a@strasse.example", "a@straße.example"},
	{"0", "o"},
}

var invalid = map[string]string{
	"empty":                    "",
	"only space":               " \t\u3000\n",
	"space inside":             "ana maria",
	"no-break space inside":    "ana\u00a0maria",
	"NUL":                      "ana\x00",
	"control character":        "ana\x1b[31m",
	"line break inside":        "ana\r\nbcc: x",
	"invalid UTF-8":            "ana\xff",
	"surrogate":                "ana\xed\xa0\x80",
	"bidi override":            "ana\u202egro.elpmaxe",
	"bidi isolate":             "\u2066ana\u2069",
	"mixed direction":          "anaשלום",
	"zero-width space":         "an\u200ba",
	"zero-width joiner":        "an\u200da",
	"byte order mark":          "\ufeffana",
	"soft hyphen":              "an\u00ada",
	"ligature":                 "ﬁona",
	"roman numeral":            "henryⅧ",
	"mathematical letters":     "𝐚𝐧𝐚",
	"emoji":                    "ana😀",
	"private use":              "ana\ue000",
	"unassigned":               "ana\u0378",
	"only a domain":            "@example.org",
	"no domain":                "ana@",
	"two @":                    "ana@evil.example@example.org",
	"full-width second @":      "ana＠evil.example@example.org",
	"space in domain":          "ana@exam ple.org",
	"empty label":              "ana@example..org",
	"leading dot":              "ana@.example.org",
	"trailing dot":             "ana@example.org.",
	"only a dot":               "ana@.",
	"leading hyphen":           "ana@-example.org",
	"broken punycode":          "ana@xn--\u00fc.example",
	"punycode of nothing":      "ana@xn--a.example",
	"underscore in domain":     "ana@exa_mple.org",
	"slash in domain":          "ana@example.org/x",
	"label of 64 characters":   "ana@" + strings.Repeat("x", 64) + ".org",
	"bidi override in domain":  "ana@\u202eexample.org",
	"mixed direction in label": "ana@aש.example",
	"mixed once mapped":        "ana@a\u2135.example", // alef symbol, in IDNA the Hebrew letter
}

func canonical(t *testing.T, s string) string {
	t.Helper()
	c, err := account.Canonical(s)
	if err != nil {
		t.Fatalf("Canonical(%q): %v", s, err)
	}
	return c
}

func TestSpellingsOfOneIdentifier(t *testing.T) {
	for _, line := range same {
		for _, s := range line {
			if c := canonical(t, s); c != line[0] {
				t.Errorf("%q becomes %q (%+[2]q), want %q", s, c, line[0])
			}
		}
	}
}

func TestLookAlikesStayDifferent(t *testing.T) {
	for _, line := range different {
		seen := map[string]string{}
		for _, s := range line {
			c := canonical(t, s)
			if other, taken := seen[c]; taken {
				t.Errorf("%q and %q are both %q", s, other, c)
			}
			seen[c] = s
		}
	}
}

func TestInvalidIdentifiers(t *testing.T) {
	for name, s := range invalid {
		c, err := account.Canonical(s)
		if !errors.Is(err, account.ErrIdentifierInvalid) || c != "" {
			t.Errorf("%s: Canonical(%q) is %q, %v", name, s, c, err)
		}
	}
}

func TestLengthOfIdentifiers(t *testing.T) {
	long := strings.Repeat("x", account.MaxIdentifier)
	domain := strings.Repeat(strings.Repeat("d", 63)+".", 3) + "org"
	for _, c := range []struct {
		name, in string
		want     error
	}{
		{"254", long, nil},
		{"254 and space around", "  " + long + "  ", nil},
		{"255", long + "x", account.ErrIdentifierTooLong},
		{"254 of two bytes", strings.Repeat("é", 254), nil},
		{"254 of three bytes", strings.Repeat("あ", 254), nil},
		{"address of 254", strings.Repeat("x", 254-1-len(domain)) + "@" + domain, nil},
		{"address of 255", strings.Repeat("x", 255-1-len(domain)) + "@" + domain, account.ErrIdentifierTooLong},
		{"254 that grow", strings.Repeat("İ", 254), account.ErrIdentifierTooLong},
		{"a domain that grows", strings.Repeat("x", 200) + "@" + strings.Repeat("あ.", 25) + "org", account.ErrIdentifierTooLong},
		{"a megabyte", strings.Repeat("x", 1<<20), account.ErrIdentifierTooLong},
	} {
		if _, err := account.Canonical(c.in); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestDisplayKeepsTheSpelling(t *testing.T) {
	if got := account.Display(" Ana@BÜCHER.example\n"); got != "Ana@BÜCHER.example" {
		t.Errorf("Display: %q", got)
	}
}

func TestErrorsDoNotRepeatTheText(t *testing.T) {
	for _, s := range []string{"hunter2 typed here", strings.Repeat("hunter2", 100)} {
		if _, err := account.Canonical(s); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	}
}

// stable holds for whatever comes in: a canonical form is its own, and what is
// refused has no form at all.
func stable(t interface{ Errorf(string, ...any) }, s string) {
	c, err := account.Canonical(s)
	if err != nil {
		if c != "" || !errors.Is(err, account.ErrIdentifierInvalid) && !errors.Is(err, account.ErrIdentifierTooLong) {
			t.Errorf("Canonical(%q) is %q, %v", s, c, err)
		}
		return
	}
	if again, err := account.Canonical(c); again != c || err != nil {
		t.Errorf("Canonical(%q) is %q, and of that %q, %v", s, c, again, err)
	}
	if c == "" || utf8.RuneCountInString(c) > account.MaxIdentifier || strings.Count(c, "@") > 1 {
		t.Errorf("Canonical(%q) is %q", s, c)
	}
	if d, err := account.Canonical(account.Display(s)); d != c || err != nil {
		t.Errorf("display text of %q leads to %q, %v", s, d, err)
	}
}

func TestCanonicalFormIsStable(t *testing.T) {
	part := rapid.StringOf(rapid.OneOf(
		rapid.RuneFrom([]rune("abcXYZ019.-_+@＠ａ．。ßẞſıİΣςσKÅﬁée\u0301\u0307\u0323аЯאبカﾞｶ\u200c\u200d\u00b7 ")),
		rapid.Rune(),
	))
	rapid.Check(t, func(t *rapid.T) {
		s := part.Draw(t, "local")
		if rapid.Bool().Draw(t, "address") {
			s += "@" + part.Draw(t, "domain") + ".example"
		}
		stable(t, s)
	})
}

func FuzzCanonical(f *testing.F) {
	for _, list := range [][][]string{same, different} {
		for _, line := range list {
			for _, s := range line {
				f.Add(s)
			}
		}
	}
	for _, s := range invalid {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { stable(t, s) })
}

func TestIDsAreNoIdentifiers(t *testing.T) {
	for _, text := range []string{
		"965a9aea-0465-4fcb-86f9-45caa9fec600", "965A9AEA-0465-4FCB-86F9-45CAA9FEC600", "deadbeefdeadbeefdeadbeefdeadbeef",
		"urn:uuid:965a9aea-0465-4fcb-86f9-45caa9fec600", "{965a9aea-0465-4fcb-86f9-45caa9fec600}",
	} {
		if got, err := account.Canonical(text); !errors.Is(err, account.ErrIdentifierInvalid) {
			t.Errorf("%s: got %q, %v", text, got, err)
		}
	}
	if _, err := account.Canonical("deadbeef"); err != nil {
		t.Errorf("deadbeef: %v", err)
	}
}
