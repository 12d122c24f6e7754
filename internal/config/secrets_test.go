package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/portaria/portaria/internal/config"
)

// secretSettings are all settings whose value or file must not be printed.
func secretSettings() (names []string) {
	for _, s := range config.Settings() {
		if s.Secret {
			names = append(names, s.Name)
		}
	}
	return names
}

// TestNoSecretIsPrinted holds for every secret setting, from every source, and
// for values with mistakes: no problem, no warning and no shown setting has it.
func TestNoSecretIsPrinted(t *testing.T) {
	names := secretSettings()
	if len(names) < 2 {
		t.Fatalf("secret settings: %v", names)
	}
	const secret = "hunter2-b1946ac92492d234"
	folder := t.TempDir()
	fromText := func(t *rapid.T, name, text string) config.Sources {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return config.Sources{File: path}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "name")
		shape := rapid.SampledFrom([]string{"V", "postgres://u:V@h/d", "postgres://u:V@h:x/d", "postgres://h/d?password=V",
			"postgress://u:V@h/d", "{V: V}", "[V, V]", "'V", "\"\\qV\"", "V: V", "a\nb: V", "&V x", "!V x", ""}).Draw(t, "shape")
		value := strings.ReplaceAll(shape, "V", rapid.StringMatching(`[ -~]{0,3}`).Draw(t, "before")+secret+rapid.StringMatching(`[ -~]{0,3}`).Draw(t, "after"))
		spelled := rapid.SampledFrom([]string{name, name + "_file", name + "x", name + "_url"}).Draw(t, "spelled")
		if spelled == "master_key_file" { // a path, which may be shown
			spelled = name
		}
		var said strings.Builder
		all := map[string]string{spelled: value}
		for _, sources := range []config.Sources{fromText(t, "a", spelled+": "+value), fromText(t, "b", spelled+":\n  "+value), fromEnvironment(all), fromFlags(all)} {
			sources.Warn = func(p config.Problem) { said.WriteString(p.Where + ": " + p.Text + "\n") }
			loaded, err := config.Read(sources)
			if err != nil {
				said.WriteString(err.Error())
			}
			shown, err := json.Marshal(loaded.Effective)
			if err != nil {
				t.Fatal(err)
			}
			said.Write(shown)
			for _, e := range loaded.Effective {
				said.WriteString(e.Line() + "\n")
			}
		}
		if text := said.String(); strings.Contains(text, secret) {
			t.Errorf("%s: %q is printed: %s", spelled, value, text)
		}
	})
}

// TestSecretsOfClientsAreNotShown: their values come from files.
func TestSecretsOfClientsAreNotShown(t *testing.T) {
	file := write(t, "p.yaml", "clients:\n- id: orders\n  kind: service\n  secret_file: "+write(t, "secret", chance))
	loaded, err := config.Read(config.Sources{File: file})
	if err != nil {
		t.Fatal(err)
	}
	shown, err := json.Marshal(loaded.Effective)
	if err != nil || strings.Contains(string(shown), chance) || !strings.Contains(string(shown), `"secret_file":"[secret]"`) {
		t.Errorf("%s, %v", shown, err)
	}
}
