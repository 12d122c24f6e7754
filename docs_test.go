package portaria_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
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
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
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
