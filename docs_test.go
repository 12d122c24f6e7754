package portaria_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	links     = regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)\s]*)?\)`)
	testNames = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`")
	stories   = regexp.MustCompile("stor(?:y|ies) `([a-z-]+)`")
)

// pages returns every Markdown page, by its path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "docs/*/*/*.md"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			found[name] = string(text)
		}
	}
	if len(found) < 10 {
		t.Fatalf("found only %d pages: the search is broken", len(found))
	}
	return found
}

func TestLinksLeadSomewhere(t *testing.T) {
	for name, text := range pages(t) {
		for _, match := range links.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(path.Join(path.Dir(name), match[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", name, match[1])
			}
		}
	}
}

// TestTranslationsShowTheSameCode: the code of a translated guide is that of the
// English one, which tests run.
func TestTranslationsShowTheSameCode(t *testing.T) {
	fenced := regexp.MustCompile("(?ms)^```.*?^```$")
	found := pages(t)
	translated := 0
	for name, text := range found {
		dir, file := path.Split(name)
		if path.Base(dir) != "pt-BR" {
			continue
		}
		translated++
		original := found["docs/guides/"+file]
		if diff := cmp.Diff(fenced.FindAllString(original, -1), fenced.FindAllString(text, -1)); original == "" || diff != "" {
			t.Errorf("%s shows other code than the English guide:\n%s", name, diff)
		}
	}
	if translated < 3 {
		t.Errorf("%d translated guides found: the search is broken", translated)
	}
}

// TestGuidesAreFound: the README links to every guide, and a story plays what a guide
// types at a console.
func TestGuidesAreFound(t *testing.T) {
	found := pages(t)
	scripts, err := filepath.Glob("cmd/portaria/testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	played := strings.Builder{}
	for _, name := range scripts {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		played.Write(text)
	}
	for name, text := range found {
		guide, ok := strings.CutPrefix(name, "docs/guides/")
		if !ok || strings.Contains(guide, "/") {
			continue
		}
		if !strings.Contains(found["README.md"], "]("+name+")") {
			t.Errorf("README.md does not link to %s", name)
		}
		guide = strings.TrimSuffix(guide, ".md")
		if strings.Contains(text, "```console\n") && !strings.Contains(played.String(), "\nplay "+guide+"\n") {
			t.Errorf("no story plays %s: add \"play %s\" to one", name, guide)
		}
	}
}

// A promise is kept by a test; a page that names a test that is gone promises
// nothing.
func TestPagesNameTestsThatExist(t *testing.T) {
	code := strings.Builder{}
	for name, text := range readSources(t, ".") {
		if strings.HasSuffix(name, "_test.go") {
			code.WriteString(text)
		}
	}
	for name, text := range pages(t) {
		for _, match := range testNames.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(code.String(), "func "+match[1]+"(") {
				t.Errorf("%s names %s, which does not exist", name, match[1])
			}
		}
		for _, match := range stories.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat("cmd/portaria/testdata/script/" + match[1] + ".txtar"); err != nil {
				t.Errorf("%s names the story %s, which does not exist", name, match[1])
			}
		}
	}
}

// docs/asvs.tsv judges the requirements of OWASP ASVS 5.0, levels 1 and 2. What
// it calls met must name a test, a story or a page, and they must exist.
func TestASVS(t *testing.T) {
	text, err := os.ReadFile("docs/asvs.tsv")
	if err != nil {
		t.Fatal(err)
	}
	code := strings.Builder{}
	for name, text := range readSources(t, ".") {
		if strings.HasSuffix(name, "_test.go") {
			code.WriteString(text)
		}
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 4 || seen[f[0]] || !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(f[0]) || f[1] != "1" && f[1] != "2" {
			t.Errorf("not id, level, status, reason, or twice: %q", line)
			continue
		}
		seen[f[0]] = true
		switch f[2] {
		case "met", "partly", "not met", "not applicable":
		default:
			t.Errorf("%s: status %q", f[0], f[2])
		}
		if len(f[3]) < 5 {
			t.Errorf("%s: neither a test nor a reason", f[0])
		}
		for _, name := range regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z][A-Za-z0-9_]+`).FindAllString(f[3], -1) {
			if !strings.Contains(code.String(), "func "+name+"(") {
				t.Errorf("%s names %s, which does not exist", f[0], name)
			}
		}
		for _, match := range regexp.MustCompile(`story ([a-z-]+)`).FindAllStringSubmatch(f[3], -1) {
			if _, err := os.Stat("cmd/portaria/testdata/script/" + match[1] + ".txtar"); err != nil {
				t.Errorf("%s names the story %s, which does not exist", f[0], match[1])
			}
		}
	}
	if len(seen) != asvsRequirements {
		t.Errorf("%d requirements, want %d", len(seen), asvsRequirements)
	}
	page, err := os.ReadFile("docs/threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`V(\d+\.\d+\.\d+)`).FindAllStringSubmatch(string(page), -1)
	if len(named) < 20 {
		t.Errorf("docs/threat-model.md names %d requirements", len(named))
	}
	for _, id := range named {
		if !seen[id[1]] {
			t.Errorf("docs/threat-model.md names V%s, which docs/asvs.tsv does not judge", id[1])
		}
	}
}

// asvsRequirements is how many there are at levels 1 and 2 in the chapters that
// concern an authentication service without pages.
const asvsRequirements = 190

// TestLogMessagesOfThePage: people alert on the messages in docs/operations.md, so the
// code must log each of them.
func TestLogMessagesOfThePage(t *testing.T) {
	page, err := os.ReadFile("docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	code := strings.Builder{}
	for name, text := range readSources(t, ".") {
		if !strings.HasSuffix(name, "_test.go") {
			code.WriteString(text)
		}
	}
	_, table, _ := strings.Cut(string(page), "| message | what to do |")
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(table, -1)
	if len(rows) < 5 {
		t.Errorf("docs/operations.md has %d log messages", len(rows))
	}
	for _, row := range rows {
		if !strings.Contains(code.String(), `"`+row[1]+`"`) {
			t.Errorf("docs/operations.md names the log message %q, which nothing logs", row[1])
		}
	}
}
