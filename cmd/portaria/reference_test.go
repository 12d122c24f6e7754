package main

import (
	"flag"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/cli"
)

var update = flag.Bool("update", false, "write the generated file instead of comparing it")

func model(t *testing.T) *kong.Node {
	t.Helper()
	var c commands
	parser, err := newParser(&c, cli.NewSettingFlags(), cli.Surroundings{Stdout: io.Discard, Stderr: io.Discard}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model.Node
}

func TestGeneratedReference(t *testing.T) {
	const name = "../../docs/reference/cli.md"
	want := reference(model(t))
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("run go generate ./cmd/portaria:\n%s", diff)
	}
}

func TestEveryCommandHasHelp(t *testing.T) {
	for _, node := range commandNodes(model(t)) {
		if node.Help == "" || !strings.HasSuffix(node.Help, ".") {
			t.Errorf("%s: help %q is no sentence", node.FullPath(), node.Help)
		}
	}
}

// TestCompletionInBash asks a real bash what it would complete.
func TestCompletionInBash(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal("the completion for bash is tested with bash, which is not installed")
	}
	script := completion("bash", model(t))
	for words, want := range map[string]string{
		"portaria acc":                "account",
		"portaria account li":         "list",
		"portaria --json account sho": "show",
		"portaria account delete --y": "--yes",
		"portaria revoke key --uns":   "--unseen",
		"portaria account nonsense x": "",
	} {
		run := script + "COMP_WORDS=(" + words + ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_portaria\necho \"${COMPREPLY[@]}\"\n"
		out, err := exec.Command(bash, "-c", run).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", words, got, err, want)
		}
	}
}
