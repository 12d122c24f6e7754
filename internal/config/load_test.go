package config_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/config/setting"
	"github.com/portaria/portaria/internal/password"
)

// write makes a file in the test's own folder and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func problems(t *testing.T, err error) []string {
	t.Helper()
	var list config.Problems
	if err == nil {
		return nil
	}
	if !errors.As(err, &list) {
		t.Fatalf("Load answers a %T, want Problems", err)
	}
	return strings.Split(list.Error(), "\n")
}

func diff(want, got any) string {
	return cmp.Diff(want, got, cmp.AllowUnexported(config.Database{}),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmpopts.EquateEmpty())
}

func TestDefaults(t *testing.T) {
	got, err := config.Load(config.Sources{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := diff(config.Default(), got); diff != "" {
		t.Error(diff)
	}
	path, ok := got.Database.SQLite()
	if got.Listen != "127.0.0.1:8400" || got.AccessTTL != 15*time.Minute || path != "portaria.db" || !ok || !got.SignUpOpen() {
		t.Errorf("defaults: %+v", got)
	}
	keys := got.Keys(0)
	if keys.Algorithm != "ES256" || keys.RotateEvery != 30*24*time.Hour || keys.KeySetMaxAge != time.Hour || keys.LongestTTL != got.AccessTTL {
		t.Errorf("default keys: %+v", keys)
	}
	if got.Keys(2*got.AccessTTL).LongestTTL != 2*got.AccessTTL {
		t.Error("keys would be gone before the longest token")
	}
	if err := got.Session().Validate(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(password.DefaultPolicy(), got.Password()); diff != "" {
		t.Errorf("two opinions on the default hash:\n%s", diff)
	}
}

func TestLaterSourcesWin(t *testing.T) {
	file := write(t, "portaria.yaml", "access_ttl: 1m\nrefresh_ttl: 1h\naudience: file\n")
	env := []string{"PORTARIA_CONFIG=" + file, "PORTARIA_REFRESH_TTL=2h", "PORTARIA_AUDIENCE=env", "PATH=/bin", "PORTARIA=x"}
	got, err := config.Load(config.Sources{Environ: env, Flags: map[string]string{"audience": "flag"}})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.AccessTTL, want.RefreshTTL, want.Audience = time.Minute, 2*time.Hour, "flag"
	if diff := diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFileFromFlagBeatsEnvironment(t *testing.T) {
	flag, env := write(t, "a.yaml", "audience: flag"), write(t, "b.yaml", "audience: env")
	got, err := config.Load(config.Sources{File: flag, Environ: []string{"PORTARIA_CONFIG=" + env}})
	if err != nil || got.Audience != "flag" {
		t.Errorf("audience %q, %v", got.Audience, err)
	}
}

// sample returns a value that differs from the default, and what must be set
// with it.
func sample(t *testing.T, s config.Setting) (value string, with map[string]string) {
	switch s.Name {
	case "database":
		return "postgres://portaria@db/portaria", nil
	case "database_file":
		return write(t, "url", "postgres://portaria@db/portaria\n"), nil
	case "listen":
		return "localhost:8401", nil
	case "issuer":
		return "https://login.example.org/realm", nil
	case "security_contact":
		return "mailto:security@example.org", nil
	case "tls_cert_file":
		return write(t, "cert", ""), map[string]string{"tls_key_file": write(t, "key", "")}
	case "tls_key_file":
		return write(t, "key", ""), map[string]string{"tls_cert_file": write(t, "cert", "")}
	case "session_ttl":
		return "59m", map[string]string{"refresh_ttl": "1m"}
	case "argon2_memory":
		return "65536", nil
	case "key_rotation", "event_retention":
		return "7d", nil
	case "max_token_size":
		return "512", nil
	case "audience_profiles":
		return "orders=jwt  https://legacy.example=flask", nil
	case "audience_encryption":
		return "payroll=https://payroll.example/keys?of=enc archive=" + string(publicKey(t).PublicJWK()), nil
	case "clients":
		return `[{"id": "orders", "kind": "service", "audiences": ["stock", "billing"], "access_ttl": "5m"}]`, nil
	}
	switch s.Name {
	case "egress_allow", "webhook_networks":
		return "10.0.0.0/8,fd00::/8", nil
	case "ca_file":
		return write(t, "ca.pem", ""), nil
	case "password_breach_file":
		return write(t, "breached.txt", ""), nil
	case "password_breach_url":
		return "https://breaches.example/range/", nil
	}
	switch s.Kind {
	case setting.Duration:
		return "19s", nil
	case setting.Bool:
		return "yes", nil
	case setting.Number:
		return "7", nil
	case setting.Choice:
		return s.Choices[len(s.Choices)-1], nil
	case setting.Networks:
		return "10.0.0.0/8,2001:db8::1", nil
	}
	return "other", nil
}

// TestEverySettingFromEverySource is what makes one reflective setter safe: no
// setting is forgotten in one of the three sources.
func TestEverySettingFromEverySource(t *testing.T) {
	for _, s := range config.Settings() {
		t.Run(s.Name, func(t *testing.T) {
			value, all := sample(t, s)
			if all == nil {
				all = map[string]string{}
			}
			all[s.Name] = value
			want := load(t, fromFile(t, all))
			if diff(want, config.Default()) == "" {
				t.Error("the file has no effect")
			}
			if diff := diff(want, load(t, fromEnvironment(all))); diff != "" {
				t.Errorf("file and environment differ:\n%s", diff)
			}
			if s.NoFlag {
				refuseFlag(t, s, value)
				return
			}
			if diff := diff(want, load(t, fromFlags(all))); diff != "" {
				t.Errorf("file and flag differ:\n%s", diff)
			}
		})
	}
}

func load(t *testing.T, sources config.Sources) config.Config {
	t.Helper()
	got, err := config.Load(sources)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func refuseFlag(t *testing.T, s config.Setting, value string) {
	t.Helper()
	_, err := config.Load(fromFlags(map[string]string{s.Name: value}))
	if err == nil || strings.Contains(err.Error(), value) {
		t.Errorf("a secret as a flag: %v", err)
	}
}

func fromFile(t *testing.T, all map[string]string) config.Sources {
	var text strings.Builder
	for name, value := range all {
		fmt.Fprintf(&text, "%s: %s\n", name, value)
	}
	return config.Sources{File: write(t, "portaria.yaml", text.String())}
}

func fromEnvironment(all map[string]string) (sources config.Sources) {
	for name, value := range all {
		sources.Environ = append(sources.Environ, "PORTARIA_"+strings.ToUpper(name)+"="+value)
	}
	return sources
}

func fromFlags(all map[string]string) config.Sources {
	sources := config.Sources{Flags: map[string]string{}}
	for name, value := range all {
		sources.Flags[strings.ReplaceAll(name, "_", "-")] = value
	}
	return sources
}

func TestAllProblemsAtOnce(t *testing.T) {
	file := write(t, "portaria.yaml", strings.Join([]string{
		"access_ttl: 15        # a number",
		"acces_ttl: 15m        # unknown",
		"refresh_ttl: 1h",
		"refresh_ttl: 2h       # again",
		"sign_up: maybe",
		"audience:",
		"trusted_proxies:",
		"  - 10.0.0.0/8",
		"  - everybody",
		"database: {sqlite: x}",
		"listen: [a, b]",
	}, "\n"))
	_, err := config.Load(config.Sources{
		File: file,
		Environ: []string{"PORTARIA_LEEWAY=2h", "PORTARIA_SIGNUP=open", "PORTARIA_ARGON2_MEMORY=19MiB", "PORTARIA_access_ttl=1m",
			"PORTARIA_TLS_CERT_FILE=/does/not/exist", "PORTARIA_DATABASE=sqlite:a", "PORTARIA_DATABASE_FILE=b"},
		Flags: map[string]string{"issuer": "login.example.org", "insecure-http": "perhaps", "lissten": "x"},
	})
	want := []string{
		file + `:1: access_ttl: "15" is a number without a unit; write 15s, 15m, 15h or 15d`,
		file + `:2: acces_ttl is an unknown setting; did you mean access_ttl?`,
		file + `:4: refresh_ttl is already set at ` + file + `:3`,
		file + `:5: sign_up: "maybe" is none of: open, closed`,
		file + `:6: audience: has no value; write "" if it should be empty`,
		file + `:7: trusted_proxies: "everybody" is no network; write 10.0.0.0/8 or an address`,
		file + `:10: database: takes one value, not a mapping; put quotes around JSON`,
		file + `:11: listen: takes one value, not a list`,
		`PORTARIA_ARGON2_MEMORY: "19MiB" is no whole number`,
		`PORTARIA_DATABASE_FILE: database_file and database (PORTARIA_DATABASE) exclude each other`,
		`PORTARIA_LEEWAY: 2h is not between 0s and 60s`,
		`PORTARIA_SIGNUP: unknown setting; did you mean PORTARIA_SIGN_UP?`,
		`PORTARIA_access_ttl: unknown setting; did you mean PORTARIA_ACCESS_TTL?`,
		`--insecure-http: "perhaps" is neither true nor false`,
		`--lissten: unknown setting; did you mean --listen?`,
		`PORTARIA_TLS_CERT_FILE: TLS needs both tls_cert_file and tls_key_file`,
		`PORTARIA_TLS_CERT_FILE: read /does/not/exist: no such file or directory`,
		`--issuer: must be a URL such as https://login.example.org`,
	}
	if diff := cmp.Diff(want, problems(t, err)); diff != "" {
		t.Error(diff)
	}
}

func TestOneProblem(t *testing.T) {
	tests := map[string]struct {
		settings map[string]string
		want     string
	}{
		"outside without TLS":  {map[string]string{"listen": "192.0.2.1:8400"}, "--listen: 192.0.2.1:8400 can be reached from outside, where plain HTTP shows passwords to the network: set tls_cert_file and tls_key_file, or insecure_http if a proxy in front terminates TLS"},
		"no address":           {map[string]string{"listen": "localhost"}, `--listen: "localhost" is not an address; write host:port`},
		"no port":              {map[string]string{"listen": "localhost:70000"}, `--listen: port "70000" is not between 0 and 65535`},
		"contact by name":      {map[string]string{"security_contact": "security@example.org"}, "--security-contact: must be an address such as mailto:security@example.org or https://example.org/security"},
		"issuer with query":    {map[string]string{"issuer": "https://a.example?b"}, "--issuer: must have neither query nor fragment (RFC 8414)"},
		"issuer with password": {map[string]string{"issuer": "https://a:hunter2@a.example"}, "--issuer: must not contain user or password"},
		"no audience":          {map[string]string{"audience": ""}, "--audience: must not be empty"},
		"idle > absolute":      {map[string]string{"refresh_ttl": "31d"}, "--refresh-ttl: refresh_ttl (744h0m0s) is longer than session_ttl (720h0m0s), which ends every session"},
		"rotates too often":    {map[string]string{"key_rotation": "1h"}, "--key-rotation: key rotation: every 1h0m0s is too often: a key is published for 1h2m0s before it signs"},
		"token > session":      {map[string]string{"access_ttl": "3h", "session_ttl": "2h", "refresh_ttl": "1h"}, "--access-ttl: access_ttl (3h0m0s) is longer than session_ttl (2h0m0s), which ends every session"},
		"a public network":     {map[string]string{"egress_allow": "10.0.0.0/8,8.8.8.0/24"}, "--egress-allow: 8.8.8.0/24 is no private network; name one such as 10.20.0.0/16"},
		"metadata":             {map[string]string{"webhook_networks": "169.254.0.0/16"}, "--webhook-networks: 169.254.0.0/16 is no private network; name one such as 10.20.0.0/16"},
		"everybody is a proxy": {map[string]string{"trusted_proxies": "0.0.0.0/0"}, `--trusted-proxies: "0.0.0.0/0" contains every address; name the networks that you mean`},
		"cheap memory":         {map[string]string{"argon2_memory": "19455"}, "--argon2-memory: 19455 makes stolen passwords cheap to guess; 19456 is the least (insecure_password_hash permits it, for benchmarks)"},
		"cheap iterations":     {map[string]string{"argon2_iterations": "1"}, "--argon2-iterations: 1 makes stolen passwords cheap to guess; 2 is the least (insecure_password_hash permits it, for benchmarks)"},
		"memory for the lanes": {map[string]string{"argon2_memory": "8", "argon2_parallelism": "2", "insecure_password_hash": "on"}, "--argon2-memory: argon2: memory of 8 KiB is not within 8 for each lane and 1048576"},
		"too many":             {map[string]string{"argon2_concurrency": "1025"}, "--argon2-concurrency: 1025 is not between 0 and 1024"},
		"no master key file":   {map[string]string{"master_key_file": ""}, "--master-key-file: must not be empty"},
		"key file is a folder": {map[string]string{"master_key_file": "/"}, "--master-key-file: / is a folder"},
		"missing mounted file": {map[string]string{"database_file": "/does/not/exist"}, "--database-file: read the file: no such file or directory"},
		"line break":           {map[string]string{"audience": "a\nb"}, "--audience: has several lines"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(fromFlags(test.settings))
			if diff := cmp.Diff([]string{test.want}, problems(t, err)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMasterKeyAndItsFileExclude(t *testing.T) {
	_, err := config.Load(config.Sources{Environ: []string{"PORTARIA_MASTER_KEY=k", "PORTARIA_MASTER_KEY_FILE=f"}})
	want := []string{"PORTARIA_MASTER_KEY: master_key and master_key_file (PORTARIA_MASTER_KEY_FILE) exclude each other"}
	if diff := cmp.Diff(want, problems(t, err)); diff != "" {
		t.Error(diff)
	}
}

func TestPermittedDangers(t *testing.T) {
	for _, settings := range []map[string]string{
		{"listen": "127.0.0.2:1"},
		{"argon2_memory": "8", "argon2_iterations": "1", "insecure_password_hash": "true"},
		{"listen": "localhost:0"},
		{"listen": "192.0.2.1:8400", "insecure_http": "true"},
		{"listen": ":8400", "insecure_http": "true", "issuer": "https://a.example"},
		{"listen": "192.0.2.1:8400", "tls_cert_file": "load_test.go", "tls_key_file": "load_test.go"},
	} {
		if _, err := config.Load(fromFlags(settings)); err != nil {
			t.Errorf("%v: %v", settings, err)
		}
	}
}

// warnings are what Load says about an environment, or its problems.
func warnings(t *testing.T, env ...string) []string {
	t.Helper()
	said := []string{}
	_, err := config.Load(config.Sources{Environ: env, Warn: func(p config.Problem) { said = append(said, p.Where) }})
	if err != nil {
		said = append(said, err.Error())
	}
	return said
}

func TestKubernetesVariablesAreIgnored(t *testing.T) {
	env := []string{
		"PORTARIA_PORT=tcp://10.96.0.1:8400", "PORTARIA_PORT_8400_TCP=tcp://10.96.0.1:8400", "PORTARIA_PORT_8400_TCP_PROTO=tcp",
		"PORTARIA_SERVICE_HOST=10.96.0.1", "PORTARIA_SERVICE_PORT=8400", "PORTARIA_SERVICE_PORT_HTTP=8400",
		"PORTARIA_DB_SERVICE_HOST=10.96.0.2", "PORTARIA_DB_SERVICE_PORT=5432", "PORTARIA_DB_SERVICE_PORT_POSTGRES=5432",
		"PORTARIA_DB_PORT=tcp://10.96.0.2:5432", "PORTARIA_DB_PORT_5432_TCP=tcp://10.96.0.2:5432",
		"PORTARIA_DB_PORT_5432_TCP_PROTO=tcp", "PORTARIA_DB_PORT_5432_TCP_PORT=5432", "PORTARIA_DB_PORT_5432_TCP_ADDR=10.96.0.2",
		"PORTARIA_DNS_PORT=udp://10.96.0.3:53", "PORTARIA_DNS_PORT_53_UDP_ADDR=10.96.0.3",
		"PORTARIA_DATABASE_SERVICE_HOST=10.96.0.4", "PORTARIA_DATABASE_PORT=tcp://10.96.0.4:5432",
	}
	if said := warnings(t, env...); len(said) > 0 {
		t.Error(said)
	}
}

func TestUnknownVariables(t *testing.T) {
	ignored := []string{"PORTARIA_", "PORTARIA_DB_PASSWORD", "PORTARIA_HOST", "PORTARIA_IMAGE", "PORTARIA_PORT", "PORTARIA_PORTS",
		"PORTARIA_REPLICAS", "PORTARIA_SERVICE", "PORTARIA_SERVICE_HOSTS", "PORTARIA_TAG", "PORTARIA_USER", "PORTARIA_VERSION"}
	var env []string
	for _, name := range ignored {
		env = append(env, name+"=1")
	}
	if diff := cmp.Diff(ignored, warnings(t, env...)); diff != "" {
		t.Error(diff)
	}
	for name, meant := range map[string]string{
		"PORTARIA_LISTENER": "PORTARIA_LISTEN", "PORTARIA_ISSUERS": "PORTARIA_ISSUER", "PORTARIA_SIGNUP": "PORTARIA_SIGN_UP",
		"PORTARIA_DATABSE": "PORTARIA_DATABASE", "PORTARIA_DATABASE_URL": "PORTARIA_DATABASE", "PORTARIA_LEVEL_LOG": "",
		"PORTARIA_TLS_CERT": "PORTARIA_TLS_CERT_FILE", "PORTARIA_ACCESS_TOKEN_TTL": "PORTARIA_ACCESS_TTL",
		"PORTARIA_MASTERKEY": "PORTARIA_MASTER_KEY", "PORTARIA_access_ttl": "PORTARIA_ACCESS_TTL",
	} {
		want := []string{name}
		if meant != "" {
			want = []string{name + ": unknown setting; did you mean " + meant + "?"}
		}
		if diff := cmp.Diff(want, warnings(t, name+"=1")); diff != "" {
			t.Error(diff)
		}
	}
}

// TestExposedFiles warns of secrets in files that everybody may read.
func TestExposedFiles(t *testing.T) {
	const database = "postgres://ana:hunter2@localhost/portaria"
	for _, test := range []struct {
		name, text string
		mode       os.FileMode
		environ    string
		warned     bool
	}{
		{"settings with a password", "database: " + database, 0o644, "PORTARIA_CONFIG", true},
		{"settings with a password, for a group", "database: " + database, 0o640, "PORTARIA_CONFIG", false},
		{"settings with a master key", "master_key: k", 0o604, "PORTARIA_CONFIG", true},
		{"settings without a secret", "database: sqlite:a.db", 0o644, "PORTARIA_CONFIG", false},
		{"a secret in a file", database, 0o644, "PORTARIA_DATABASE_FILE", true},
		{"a secret in a private file", database, 0o600, "PORTARIA_DATABASE_FILE", false},
	} {
		path := write(t, "file", test.text)
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		if said := warnings(t, test.environ+"="+path); (len(said) > 0) != test.warned {
			t.Errorf("%s: %v", test.name, said)
		}
	}
}

func TestOtherVariables(t *testing.T) {
	sources := config.Sources{Environ: []string{"PORTARIA_URL=x"}, OtherVariables: []string{"PORTARIA_URL"}}
	if _, err := config.Load(sources); err != nil {
		t.Error(err)
	}
}

func TestMissingFile(t *testing.T) {
	_, err := config.Load(config.Sources{Environ: []string{"PORTARIA_CONFIG=/no/such.yaml"}})
	want := []string{"PORTARIA_CONFIG: read /no/such.yaml: no such file or directory"}
	if diff := cmp.Diff(want, problems(t, err)); diff != "" {
		t.Error(diff)
	}
}
