package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/portaria/portaria/internal/config"
)

func TestFilesThatAreRefused(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"anchor":         {"audience: &a x\nissuer: *a", "1: anchors and aliases have no use here; quote the value if it starts with & or *"},
		"tag":            {"audience: !!str x", "1: tags and directives have no use here; quote the value if it starts with ! or %"},
		"two documents":  {"audience: a\n---\naudience: b", "2: there may be one document only"},
		"list":           {"- audience", "1: the file must be lines of name: value"},
		"scalar":         {"audience", "1: the file must be lines of name: value"},
		"nested":         {"\naudience:\n  a: b", "2: audience: takes one value, not a mapping; put quotes around JSON"},
		"nested list":    {"trusted_proxies: [[a]]", "1: trusted_proxies: must be a list of networks"},
		"deep":           {"a: [[[[[[[[[", "1: this is nested too deeply"},
		"explicit key":   {"? audience\n: b", "1: write a setting as name: value"},
		"merge":          {"<<: {a: b}", "1: anchors and aliases have no use here; quote the value if it starts with & or *"},
		"broken":         {"audience: 'x", "1: is not valid YAML: could not find end character of single-quoted text"},
		"bad escape":     {`audience: "\q"`, "1: is not valid YAML"}, // the parser would show a part of the value
		"empty name":     {`"": x`, "1: this name is an unknown setting"},
		"very long line": {"audience: x\n" + strings.Repeat("- ", 4000), "2: the line is too long"},
		"no setting":     {"a b: c", "1: this name is an unknown setting"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file := write(t, "p.yaml", test.text)
			_, err := config.Load(config.Sources{File: file})
			if diff := cmp.Diff([]string{file + ":" + test.want}, problems(t, err)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHugeFileIsRefused(t *testing.T) {
	file := write(t, "p.yaml", strings.Repeat("# comment\n", 200_000))
	_, err := config.Load(config.Sources{File: file})
	want := []string{"--config: read " + file + ": is longer than 1 MiB"}
	if diff := cmp.Diff(want, problems(t, err)); diff != "" {
		t.Error(diff)
	}
}

func TestFilesThatAreAccepted(t *testing.T) {
	tests := map[string]struct{ text, audience string }{
		"empty":    {"", "portaria"},
		"comments": {"# nothing\n\n# here\n", "portaria"},
		"marker":   {"---\naudience: a\n", "a"},
		"quoted":   {"audience: \"a: \\u0062\" # why", "a: b"},
		"number":   {"audience: 0123", "0123"},
		"boolean":  {"audience: true", "true"},
		"windows":  {"audience: a\r\nleeway: 1s\r\n", "a"},
		"folded":   {"audience: >-\n  a\n  b\n", "a b"},
		"flow":     {"{audience: a, leeway: 1s}", "a"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := config.Load(config.Sources{File: write(t, "p.yaml", test.text)})
			if err != nil || got.Audience != test.audience {
				t.Errorf("audience %q, %v; want %q", got.Audience, err, test.audience)
			}
		})
	}
}

func TestEndlessFileIsRefused(t *testing.T) {
	_, err := config.Load(config.Sources{Environ: []string{"PORTARIA_DATABASE_FILE=/dev/zero"}})
	if diff := cmp.Diff([]string{"PORTARIA_DATABASE_FILE: read the file: is longer than 1 MiB"}, problems(t, err)); diff != "" {
		t.Error(diff)
	}
}

// FuzzYAML holds two promises for any file: Load returns, and its error never
// shows a database password, however broken the text around it is.
func FuzzYAML(f *testing.F) {
	for _, seed := range [][2]string{
		{"", ""}, {"a: b\n", "\nc: d"}, {"? ", ""}, {"- ", ""}, {"&a ", ""}, {"'", "'"}, {"\"", ""}, {"x: |\n ", "\n"},
		{"a: [", "]"}, {"{", ": x}"}, {"---\n", "\n...\n---"}, {"%YAML 1.2\n", ""}, {"\t", ""}, {"!!binary ", ""}, {"", ":\\@"},
	} {
		f.Add(seed[0], seed[1])
	}
	const secret = "hunter2/42"
	f.Fuzz(func(t *testing.T, before, after string) {
		text := before + "database: postgress://portaria:" + secret + "@db/portaria" + after
		file, loaded := write(t, "p.yaml", text), make(chan error, 1)
		go func() {
			_, err := config.Load(config.Sources{File: file})
			loaded <- err
		}()
		select {
		case err := <-loaded:
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the password shows: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("Load does not return")
		}
	})
}
