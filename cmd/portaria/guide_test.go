package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// guideURL is where the service is in the guides.
const guideURL = "http://127.0.0.1:8400"

// exchange is a command of a guide and what it prints.
type exchange struct{ command, output string }

// exchanges reads the console blocks of a guide: lines after "$ " are typed,
// the others are printed.
func exchanges(guide string) (all []exchange) {
	console := false
	for _, line := range strings.Split(guide, "\n") {
		typed, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			console = line == "```console"
		case console && isCommand:
			all = append(all, exchange{command: typed})
		case console && len(all) > 0:
			all[len(all)-1].output += line + "\n"
		}
	}
	return all
}

// matches reports whether this was printed; "…" in a guide stands for what is
// different each time.
func (e exchange) matches(printed string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(e.output), "…", ".*")
	ok, err := regexp.MatchString("^"+pattern+"$", printed)
	return err == nil && ok
}

// play types what a guide says and compares what is printed: play symmetric
func play(ts *testscript.TestScript, neg bool, args []string) {
	text, err := os.ReadFile(filepath.Join(ts.Getenv("GUIDES"), args[0]+".md"))
	ts.Check(err)
	all := exchanges(string(text))
	if neg || len(all) == 0 {
		ts.Fatalf("nothing to play in %s", args[0])
	}
	for _, e := range all {
		the(ts).followers.start(ts)
		command := strings.ReplaceAll(e.command, guideURL, ts.Getenv("URL"))
		if err := ts.Exec("sh", "-c", "{ "+command+"\n} 2>&1"); err != nil {
			ts.Fatalf("%s: %v", e.command, err)
		}
		printed := ts.ReadFile("stdout")
		if url := ts.Getenv("URL"); url != "" {
			printed = strings.ReplaceAll(printed, url, guideURL)
		}
		if !e.matches(printed) {
			ts.Fatalf("$ %s\nthe guide says\n%sprinted was\n%s", e.command, e.output, printed)
		}
	}
}

func TestGuideMatches(t *testing.T) {
	guide := "text\n$ no command\n```console\n$ portaria a\nkid … signs\n\n$ portaria b\n```\nmore\n```sh\n$ no command either\n```\n"
	all := exchanges(guide)
	if len(all) != 2 || all[0].command != "portaria a" || all[1].command != "portaria b" {
		t.Fatalf("read %q", all)
	}
	for printed, want := range map[string]bool{
		"kid abc signs\n\n":       true,
		"kid abc signs\n":         false,
		"kid abc signs\nmore\n":   false,
		"kid a\nb signs\n\n":      false,
		"a kid abc signs\n\n":     false,
		"kid abc signs it\n\n":    false,
		"kid abc signsx\n\n":      false,
		"kid … signs\n\n":         true,
		"kid  signs\n\n":          true,
		"kid abc\tsigns\n\n":      false,
		"KID abc signs\n\n":       false,
		"kid abc signs\n\n\n":     false,
		"\nkid abc signs\n\n":     false,
		"kid abc signs signs\n\n": true,
	} {
		if got := all[0].matches(printed); got != want {
			t.Errorf("%q matches: %t", printed, got)
		}
	}
}

// showsCode is a guide whose code or story runs elsewhere: the examples' tests compare code
// it with the files that it links to.
var showsCode = regexp.MustCompile(`\]\(\.\./\.\./(examples|verify|cmd/portaria/testdata/script)/`)

// TestEveryGuideIsPlayed: a guide that nobody plays rots.
func TestEveryGuideIsPlayed(t *testing.T) {
	guides, err := filepath.Glob("../../docs/guides/*.md")
	if err != nil || len(guides) == 0 {
		t.Fatalf("no guides: %v", err)
	}
	for _, guide := range guides {
		text, err := os.ReadFile(guide)
		if err != nil {
			t.Fatal(err)
		}
		if len(exchanges(string(text))) == 0 && showsCode.Match(text) {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(guide), ".md")
		story, err := os.ReadFile("testdata/script/guide-" + name + ".txtar")
		if err != nil || !strings.Contains(string(story), "\nplay "+name+"\n") {
			t.Errorf("no story plays %s: %v", guide, err)
		}
	}
}

// shows waits until a page of the service shows this, or with ! no longer
// does: shows /.well-known/jwks.json PATTERN
func shows(ts *testscript.TestScript, neg bool, args []string) {
	hc, pattern := storyClient(ts), regexp.MustCompile(args[1])
	ts.Check(until(20*time.Second, func() error {
		resp, err := hc.Get(ts.Getenv("URL") + args[0])
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil && pattern.Match(body) == neg {
			err = fmt.Errorf("%s shows %s", args[0], body)
		}
		return err
	}))
}
