package setting_test

import (
	"encoding/json"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/config/setting"
)

// mail is a section as a capability would document it.
type mail struct {
	Host     string        `name:"host" default:"localhost"`
	Port     uint16        `name:"port" default:"25"`
	Timeout  time.Duration `name:"timeout" default:"10s" min:"1s" max:"1m"`
	Password string        `name:"password" secret:"yes" file:"also"`
	Retry    retry         `name:"retry"`
}

type retry struct {
	Times int  `name:"times" default:"3" min:"0" max:"9"`
	Off   bool `name:"mode" oneof:"on|off"`
}

func (m mail) Validate() error {
	if m.Host == "broken.example" {
		return faults{{"host", "must not be broken.example"}}
	}
	if m.Port == 1 {
		return errors.New("does not work with port 1")
	}
	return nil
}

type faults [][2]string

func (f faults) Error() string { return "invalid" }

func (f faults) Fields() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, one := range f {
			if !yield(one[0], one[1]) {
				return
			}
		}
	}
}

// upstream is an item of a list.
type upstream struct {
	ID     string            `name:"id" key:"yes"`
	Secret string            `name:"secret" secret:"yes" file:"only"`
	Token  string            `name:"token" secret:"yes"`
	Scopes []string          `name:"scopes"`
	Claims map[string]string `name:"claims"`
	TTL    time.Duration     `name:"ttl" default:"5m"`
	Retry  retry             `name:"retry"`
}

type all struct {
	Name      string     `name:"name" default:"portaria"`
	Mail      mail       `name:"mail"`
	Upstreams []upstream `name:"upstreams"`
	Internal  int        // has no name, so it is not a setting
}

func schema() *setting.Schema {
	return setting.Describe(reflect.TypeFor[all](), func(string) string { return "" })
}

// read reads settings, and returns them with all problems.
func read(sources setting.Sources) (got all, r *setting.Reader) {
	r = schema().Read(&got, sources)
	r.Validate()
	return got, r
}

// file writes portaria.yaml and returns it as the only source.
func file(t *testing.T, text string) setting.Sources {
	t.Helper()
	path := filepath.Join(t.TempDir(), "portaria.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return setting.Sources{File: path}
}

// problems returns what is wrong, without the folder of the file.
func problems(r *setting.Reader) []string {
	var list setting.Problems
	if !errors.As(r.Err(), &list) {
		return nil
	}
	text := list.Error()
	if r.File() != "" {
		text = strings.ReplaceAll(text, filepath.Dir(r.File())+"/", "")
	}
	return strings.Split(text, "\n")
}

func TestNestedNamesInAllSources(t *testing.T) {
	want := all{Name: "portaria", Mail: mail{Host: "mx.example", Port: 587, Timeout: 20 * time.Second, Retry: retry{Times: 5, Off: true}}}
	for name, sources := range map[string]setting.Sources{
		"nested file": file(t, "mail:\n  host: mx.example\n  port: 587\n  timeout: 20s\n  retry: {times: 5, mode: off}\n"),
		"flat file":   file(t, "mail_host: mx.example\nmail_port: 587\nmail_timeout: 20s\nmail_retry_times: 5\nmail_retry_mode: 'off'\n"),
		"mixed file":  file(t, "mail_port: 587\nmail:\n  host: mx.example\n  timeout: 20s\n  retry_times: 5\n  retry:\n    mode: off\n"),
		"environment": {Environ: []string{"PORTARIA_MAIL_HOST=mx.example", "PORTARIA_MAIL_PORT=587", "PORTARIA_MAIL_TIMEOUT=20s",
			"PORTARIA_MAIL_RETRY_TIMES=5", "PORTARIA_MAIL_RETRY_MODE=off"}},
		"flags": {Flags: map[string]string{"mail-host": "mx.example", "mail-port": "587", "mail-timeout": "20s",
			"mail-retry-times": "5", "mail-retry-mode": "off"}},
	} {
		got, r := read(sources)
		if diff := cmp.Diff(want, got); diff != "" || r.Err() != nil {
			t.Errorf("%s: %v\n%s", name, r.Err(), diff)
		}
	}
}

func TestListsInFileAndVariables(t *testing.T) {
	want := []upstream{
		{ID: "a", Scopes: []string{"x", "y"}, Claims: map[string]string{"role": "admin"}, TTL: time.Minute, Retry: retry{Times: 1}},
		{ID: "b", TTL: 5 * time.Minute, Retry: retry{Times: 3}},
	}
	text := `[{"id": "a", "scopes": ["x", "y"], "claims": {"role": "admin"}, "ttl": "1m", "retry": {"times": 1}}, {"id": "b"}]`
	for name, sources := range map[string]setting.Sources{
		"file":     file(t, "upstreams:\n- id: a\n  scopes: [x, y]\n  claims: {role: admin}\n  ttl: 1m\n  retry: {times: 1}\n- id: b\n"),
		"words":    file(t, "upstreams:\n- id: a\n  scopes: x y\n  claims: role=admin\n  ttl: 1m\n  retry_times: 1\n- id: b\n"),
		"JSON":     file(t, "upstreams: '"+text+"'\n"),
		"variable": {Environ: []string{"PORTARIA_UPSTREAMS=" + text}},
		"lines":    {Environ: []string{"PORTARIA_UPSTREAMS=" + strings.ReplaceAll(text, ", ", ",\n")}},
		"flag":     {Flags: map[string]string{"upstreams": text}},
	} {
		got, r := read(sources)
		if diff := cmp.Diff(want, got.Upstreams); diff != "" || r.Err() != nil {
			t.Errorf("%s: %v\n%s", name, r.Err(), diff)
		}
	}
}

// TestEachProblemHasItsPosition: all problems at once, each with its line,
// variable or flag, and names that were meant.
func TestEachProblemHasItsPosition(t *testing.T) {
	sources := file(t, strings.Join([]string{
		"mail:", // 1
		"  hst: x",
		"  port: 70000",
		"  retry:",
		"    tims: 5", // 5
		"    times: 10",
		"  colour: red",
		"mail_port: 26",
		"upstreams:",
		"  - id: a", // 10
		"    scope: x",
		"    claims:",
		"      role: [admin]",
		"    ttl: 5",
		"  - id: a", // 15
		"  - retry: {times: -1}",
	}, "\n"))
	sources.Environ = []string{"PORTARIA_MAIL=x", "PORTARIA_MAIL_TIMEOUT=2m", "PORTARIA_MAIL_HOSTS=x", "PORTARIA_UPSTREAM=x", "PORTARIA_OTHER=x"}
	sources.Flags = map[string]string{"mail-prot": "1", "mail-retry-mode": "maybe"}
	_, r := read(sources)
	want := []string{
		"portaria.yaml:2: mail.hst is an unknown setting; did you mean mail.host?",
		"portaria.yaml:3: mail.port: 70000 is not between 0 and 65535",
		"portaria.yaml:5: mail.retry.tims is an unknown setting; did you mean mail.retry.times?",
		"portaria.yaml:6: mail.retry.times: 10 is not between 0 and 9",
		"portaria.yaml:7: mail.colour is an unknown setting; known names are host, port, timeout, password, password_file, retry",
		"portaria.yaml:8: mail_port and port (portaria.yaml:3) exclude each other",
		"portaria.yaml:11: upstreams[a].scope is an unknown setting; did you mean upstreams[a].scopes?",
		"portaria.yaml:13: upstreams[a].claims: role: must be a text; put quotes around a JWK",
		`portaria.yaml:14: upstreams[a].ttl: "5" is a number without a unit; write 5s, 5m, 5h or 5d`,
		"portaria.yaml:15: upstreams[a].id: another item above has the same",
		"portaria.yaml:16: upstreams[3].retry.times: -1 is not between 0 and 9",
		"PORTARIA_MAIL: has settings of its own: PORTARIA_MAIL_HOST, PORTARIA_MAIL_PORT, PORTARIA_MAIL_TIMEOUT, PORTARIA_MAIL_PASSWORD, PORTARIA_MAIL_PASSWORD_FILE, PORTARIA_MAIL_RETRY_TIMES, PORTARIA_MAIL_RETRY_MODE",
		"PORTARIA_MAIL_HOSTS: unknown setting; did you mean PORTARIA_MAIL_HOST?",
		"PORTARIA_MAIL_TIMEOUT: 2m is not between 1s and 1m",
		"PORTARIA_UPSTREAM: unknown setting; did you mean PORTARIA_UPSTREAMS?",
		"--mail-prot: unknown setting; did you mean --mail-port?",
		`--mail-retry-mode: "maybe" is none of: on, off`,
	}
	if diff := cmp.Diff(want, problems(r)); diff != "" {
		t.Error(diff)
	}
}

// TestSectionsAreValidated: what Validate returns has the position of its field.
func TestSectionsAreValidated(t *testing.T) {
	for want, sources := range map[string]setting.Sources{
		"portaria.yaml:3: mail_host: must not be broken.example": file(t, "mail:\n  port: 2\n  host: broken.example"),
		"PORTARIA_MAIL_HOST: must not be broken.example":         {Environ: []string{"PORTARIA_MAIL_HOST=broken.example"}},
		"--mail-port: mail: does not work with port 1":           {Flags: map[string]string{"mail-port": "1"}},
	} {
		_, r := read(sources)
		if diff := cmp.Diff([]string{want}, problems(r)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestEffectiveSettingsReadBack(t *testing.T) {
	sources := file(t, "name: 'a: \"b\" # c'\nmail:\n  host: mx.example:25\nupstreams:\n- id: a\n  claims: {role: x}\n  retry: {mode: off}\n")
	sources.Environ = []string{"PORTARIA_MAIL_TIMEOUT=20s"}
	sources.Flags = map[string]string{"mail-port": "26"}
	want, r := read(sources)
	source, lines := map[string]string{}, ""
	for _, e := range r.Effective() {
		source[e.Name] = e.Source
		lines += e.Line() + " # " + e.Source + "\n"
	}
	got, again := read(file(t, lines))
	if diff := cmp.Diff(want, got); diff != "" || again.Err() != nil {
		t.Errorf("%s reads back as %v\n%s", lines, again.Err(), diff)
	}
	for name, where := range map[string]string{"name": r.File() + ":1", "mail_host": r.File() + ":3", "mail_timeout": "PORTARIA_MAIL_TIMEOUT",
		"mail_port": "--mail-port", "mail_retry_times": "default", "upstreams": r.File() + ":4"} {
		if source[name] != where {
			t.Errorf("%s comes from %q, want %q", name, source[name], where)
		}
	}
}

func TestDefaultFile(t *testing.T) {
	given := file(t, "name: here\n").File
	got, r := read(setting.Sources{DefaultFile: given})
	if got.Name != "here" || r.File() != given || r.Err() != nil {
		t.Errorf("%+v from %q, %v", got, r.File(), r.Err())
	}
	other := file(t, "name: other\n").File
	if got, r := read(setting.Sources{DefaultFile: given, Environ: []string{"PORTARIA_CONFIG=" + other}}); got.Name != "other" || r.File() != other {
		t.Errorf("%s from %s", got.Name, r.File())
	}
	if _, r := read(setting.Sources{DefaultFile: given + "x"}); r.File() != "" || r.Err() != nil {
		t.Errorf("a missing default file: %v", r.Err())
	}
	if err := os.Chmod(given, 0o646); err != nil {
		t.Fatal(err)
	}
	if got, r := read(setting.Sources{DefaultFile: given}); got.Name != "portaria" || r.Err() == nil {
		t.Errorf("every user can write to it: %v", r.Err())
	}
	if got, r := read(setting.Sources{File: given}); got.Name != "here" || r.Err() != nil {
		t.Errorf("named by the operator: %v", r.Err())
	}
}

// output is everything that can be printed about settings.
func output(sources setting.Sources) string {
	var said strings.Builder
	sources.Warn = func(p setting.Problem) { said.WriteString(p.Where + p.Text + "\n") }
	_, r := read(sources)
	if err := r.Err(); err != nil {
		said.WriteString(err.Error())
	}
	shown, err := json.Marshal(r.Effective())
	if err != nil {
		return err.Error()
	}
	for _, e := range r.Effective() {
		said.WriteString(e.Line())
	}
	return said.String() + string(shown)
}

// FuzzSecrets puts a secret in every position of a secret setting, between any
// texts. Reading ends, and the secret is never printed.
func FuzzSecrets(f *testing.F) {
	for _, seed := range [][2]string{{"", ""}, {"a: b\n", "\nc: d"}, {"'", "'"}, {"\"", ""}, {"&a ", ""}, {"", "\n  host: [x"}, {"- ", ""}, {"{", "}"}, {"mail:\n  ", "\n"}} {
		f.Add(seed[0], seed[1])
	}
	const secret = "hunter2-hunter2-hunter2"
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, line := range []string{"mail_password: ", "mail:\n  password: ", "mail:\n  password_file: ", "mail_password_file: https://",
			"upstreams:\n- token: ", "upstreams:\n- id: a\n  secret_file: ", "upstreams: [{token: ", "upstreams:\n- token:\n  - "} {
			if said := output(file(t, before+line+secret+after)); strings.Contains(said, secret) && !strings.Contains(before+after, "hunter2") {
				t.Errorf("%q prints %s", before+line+"SECRET"+after, said)
			}
		}
	})
}

// TestTagsAreChecked: a programmer's mistake is found at the first start.
func TestTagsAreChecked(t *testing.T) {
	for name, wrong := range map[string]reflect.Type{
		"two names": reflect.TypeFor[struct {
			A string `name:"mail_host"`
			B mail   `name:"mail"`
		}](),
		"no such kind": reflect.TypeFor[struct {
			A chan int `name:"a"`
		}](),
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is accepted", name)
				}
			}()
			setting.Describe(wrong, func(string) string { return "" })
		}()
	}
}
