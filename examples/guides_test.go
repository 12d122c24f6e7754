package examples_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// blocks are those whose code is in a file; what is typed is not.
	blocks = regexp.MustCompile("(?ms)^```(?:go|js|python|yaml)\n(.*?)^```$")
	files  = regexp.MustCompile(`\]\((\.\./\.\./[^)#]+\.(?:go|js|py|yaml|txtar))\)`)
)

// TestGuidesShowWhatIsRun: the code of a guide stands in a file that it links
// to, and those files are run by tests.
func TestGuidesShowWhatIsRun(t *testing.T) {
	guides, err := filepath.Glob("../docs/guides/*.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, guide := range guides {
		text := read(t, guide)
		var sources []string
		for _, link := range files.FindAllStringSubmatch(text, -1) {
			sources = append(sources, read(t, filepath.Join(filepath.Dir(guide), link[1])))
		}
		for _, block := range blocks.FindAllStringSubmatch(text, -1) {
			shown++
			if !quotesAny(sources, block[1]) {
				t.Errorf("%s shows what is in none of the files that it links to:\n%s", guide, block[1])
			}
		}
	}
	if shown < 10 {
		t.Errorf("only %d blocks of code found: the search is broken", shown)
	}
}

// TestEveryExampleHasAGuide: an example that no guide links to is not found.
func TestEveryExampleHasAGuide(t *testing.T) {
	guides, err := filepath.Glob("../docs/guides/*.md")
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Builder{}
	for _, guide := range guides {
		all.WriteString(read(t, guide))
	}
	names := append(slices.Collect(maps.Keys(examples())), slices.Collect(maps.Keys(receivers()))...)
	for _, name := range names {
		if !strings.Contains(all.String(), "](../../examples/"+name+"/") {
			t.Errorf("no guide links to a file of %s", name)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func quotesAny(sources []string, block string) bool {
	for _, source := range sources {
		if quotes(source, block) {
			return true
		}
	}
	return false
}

// quotes tells whether the lines of a block follow each other in a source, all
// of them indented by the same.
func quotes(source, block string) bool {
	have, want := strings.Split(source, "\n"), strings.Split(strings.Trim(block, "\n"), "\n")
	for at := range have {
		indent, found := strings.CutSuffix(have[at], want[0])
		if found && strings.TrimSpace(indent) == "" && at+len(want) <= len(have) && sameLines(have[at:at+len(want)], want, indent) {
			return true
		}
	}
	return false
}

func sameLines(have, want []string, indent string) bool {
	for i := range want {
		if have[i] != indent+want[i] && (have[i] != "" || want[i] != "") {
			return false
		}
	}
	return true
}

func TestQuotes(t *testing.T) {
	const source = "a\n\tb\n\n\t\tc\nd\n"
	for block, want := range map[string]bool{
		"a\n\tb\n": true, "b\n\n\tc\n": true, "d\n": true, "c\n": true,
		"b\nc\n": false, "b\n\nc\n": false, "a\nb\n": false, "d\n\ne\n": false, "x\n": false,
	} {
		if got := quotes(source, block); got != want {
			t.Errorf("%q: %t", block, got)
		}
	}
}
