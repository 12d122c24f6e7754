package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/token"
)

func TestDurations(t *testing.T) {
	good := map[string]time.Duration{
		"90s": 90 * time.Second, "15m": 15 * time.Minute, "36h": 36 * time.Hour, "7d": 168 * time.Hour, "2w": 336 * time.Hour,
		"1d12h": 36 * time.Hour, "1.5h": 90 * time.Minute, "0.5d": 12 * time.Hour, "1w1d1h1m1s": 193*time.Hour + time.Minute + time.Second,
	}
	for text, want := range good {
		got, err := config.Load(fromFlags(map[string]string{"refresh_ttl": text, "session_ttl": "400d"}))
		if err != nil || got.RefreshTTL != want {
			t.Errorf("%s is %v, %v; want %v", text, got.RefreshTTL, err, want)
		}
	}
	for _, text := range []string{"", "15", "0", "1.5", "-1h", "h", "1", "1x", "1h1", "1 h", "1d-1h", ".d", "1..5h", "106752d", "30501w", "213504d", "99999999999999999999d", "1y", "401d"} {
		if got, err := config.Load(fromFlags(map[string]string{"refresh_ttl": text})); err == nil {
			t.Errorf("%q is taken for %v", text, got.RefreshTTL)
		}
	}
}

func TestDurationOverflow(t *testing.T) {
	_, err := config.Load(fromFlags(map[string]string{"refresh_ttl": "106751d" + "106751d"}))
	if err == nil || !strings.Contains(err.Error(), "is no duration") {
		t.Errorf("a sum that overflows: %v", err)
	}
}

func TestNetworks(t *testing.T) {
	got, err := config.Load(fromFlags(map[string]string{"trusted_proxies": " 10.1.2.3/8, 192.0.2.7 ,2001:db8::1 "}))
	if err != nil || fmt.Sprint(got.TrustedProxies) != "[10.0.0.0/8 192.0.2.7/32 2001:db8::1/128]" {
		t.Errorf("%v, %v", got.TrustedProxies, err)
	}
	for _, text := range []string{"10.0.0.0/33", "::/0", "fe80::1%eth0", "::ffff:10.0.0.1", ",", "localhost"} {
		if got, err := config.Load(fromFlags(map[string]string{"trusted_proxies": text})); err == nil {
			t.Errorf("%q is taken for %v", text, got.TrustedProxies)
		}
	}
}

// Compose files spell "not set" as an empty variable.
func TestEmptyVariablesAreNotSet(t *testing.T) {
	got, err := config.Load(config.Sources{
		File:    write(t, "p.yaml", "trusted_proxies: [10.0.0.0/8]"),
		Environ: []string{"PORTARIA_TRUSTED_PROXIES=", "PORTARIA_ACCESS_TTL=", "PORTARIA_DATABASE=", "PORTARIA_MASTER_KEY="},
	})
	if err != nil || len(got.TrustedProxies) != 1 || got.AccessTTL != 15*time.Minute || got.Database.String() != "sqlite:portaria.db" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestDatabases(t *testing.T) {
	lite, err := config.ParseDatabase("sqlite:a b.db")
	if path, ok := lite.SQLite(); err != nil || !ok || path != "a b.db" {
		t.Errorf("%q, %v", path, err)
	}
	if again, err := config.ParseDatabase(lite.Reveal()); err != nil || again != lite {
		t.Errorf("%q is read as %v, %v", lite.Reveal(), again, err)
	}
	if _, ok := lite.Postgres(); ok {
		t.Error("SQLite is PostgreSQL")
	}
	for _, text := range []string{"postgres://u:p@h:1/d?sslmode=disable", "postgresql:///d?host=/run"} {
		location, err := config.ParseDatabase(text)
		if url, ok := location.Postgres(); err != nil || !ok || url != text || location.Reveal() != text {
			t.Errorf("%q, %q, %v", url, location.Reveal(), err)
		}
		if _, ok := location.SQLite(); ok {
			t.Error("PostgreSQL is SQLite")
		}
	}
	if _, ok := (config.Database{}).SQLite(); ok {
		t.Error("the zero value names a database")
	}
	for _, text := range []string{"", "portaria.db", "sqlite:", "mysql://h/d", "postgres://u:12#34@h/d", "postgres://u:12/34@h/d", "postgres://u:12?34@h/d", "postgres:d", "sqlite:a\x00b"} {
		if got, err := config.ParseDatabase(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

const hunter = "hunter2"

func TestSecretsAreNotEchoed(t *testing.T) {
	for name, value := range map[string]string{
		"trusted_proxies": "postgres://portaria:hunter2@db/portaria",
		"tls_cert_file":   "-----BEGIN CERTIFICATE-----hunter2",
		"tls_key_file":    "-----BEGIN PRIVATE KEY-----hunter2",
		"database":        "postgres://portaria:hunter2@db:port/portaria",
		"database_file":   "postgres://portaria:hunter2@db/portaria",
		"issuer":          "https://portaria:hunter2@db\x7f/portaria",
		"access_ttl":      "postgres://portaria:hunter2@db/portaria",
		"argon2_memory":   "postgres://portaria:hunter2@db/portaria",
		"sign_up":         "postgres://portaria:hunter2@db/portaria",
		"insecure_http":   "postgres://portaria:hunter2@db/portaria",
		"listen":          "postgres://portaria:hunter2@db/portaria",
		"databasee":       "postgres://portaria:hunter2@db/portaria",
		"master_key_file": "/" + strings.Repeat("hunter/", 1000),
	} {
		_, err := config.Load(fromFlags(map[string]string{name: value}))
		if err == nil || strings.Contains(err.Error(), hunter) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	got, err := config.Load(config.Sources{Environ: []string{
		"PORTARIA_MASTER_KEY=hunter2", "PORTARIA_DATABASE=postgres://u:hunter2@db/d?password=hunter2",
	}})
	if err != nil || got.MasterKey.Reveal() != hunter {
		t.Fatalf("%v", err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "config", got, "database", got.Database, "key", got.MasterKey)
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "config", got, "database", got.Database, "key", got.MasterKey)
	encoded, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	prints := fmt.Sprintf("%v %+v %#v %s %s %q %x %s", got, got, got, got.MasterKey, got.Database, got.MasterKey, got.MasterKey, encoded)
	if strings.Contains(prints+log.String(), hunter) || strings.Contains(prints, fmt.Sprintf("%x", hunter)) {
		t.Errorf("the secret shows: %s %s", prints, log.String())
	}
	if !strings.Contains(prints, "[secret]") || !strings.Contains(prints, "postgres://db/d") {
		t.Errorf("nothing shows: %s", prints)
	}
}

func TestMountedSecretLosesItsNewline(t *testing.T) {
	for _, ending := range []string{"", "\n", "\r\n"} {
		file := write(t, "url", "sqlite:x"+ending)
		got, err := config.Load(config.Sources{Environ: []string{"PORTARIA_DATABASE_FILE=" + file}})
		if path, _ := got.Database.SQLite(); err != nil || path != "x" {
			t.Errorf("path %q, %v", path, err)
		}
	}
}

func TestIssuerURL(t *testing.T) {
	address := &net.TCPAddr{IP: net.IPv6loopback, Port: 8400}
	c := config.Default()
	if got := c.IssuerURL(address); got != "http://[::1]:8400" {
		t.Error(got)
	}
	for _, everywhere := range []net.IP{net.IPv4zero, net.IPv6unspecified} {
		if got := c.IssuerURL(&net.TCPAddr{IP: everywhere, Port: 8400}); got != "http://localhost:8400" {
			t.Error(got)
		}
	}
	c.TLSCertFile = "x"
	if got := c.IssuerURL(address); got != "https://[::1]:8400" {
		t.Error(got)
	}
	c.Issuer = "https://login.example.org"
	if got := c.IssuerURL(address); got != c.Issuer {
		t.Error(got)
	}
}

func TestPolicies(t *testing.T) {
	c := config.Default()
	c.SignUp, c.AccessTTL, c.Leeway, c.Audience = "closed", time.Minute, time.Second, "shop"
	if diff := cmp.Diff(issue.Policy{AccessTTL: time.Minute, RefreshRetry: time.Minute}, c.Issue()); diff != "" {
		t.Error(diff)
	}
	c.RefreshGrace = 0 // turns both windows off
	if got := c.Issue().RefreshRetry; got != 0 {
		t.Errorf("without a grace window, a retry of %v", got)
	}
	want := token.Policy{Issuer: "https://a.example", Audience: "shop", TTL: time.Minute,
		MaxSize: 4096, Services: map[string]token.Service{}}
	if diff := cmp.Diff(want, c.Token("https://a.example")); diff != "" {
		t.Error(diff)
	}
	if !config.Default().SignUpOpen() {
		t.Error("sign-up is closed by default")
	}
}

func TestLevel(t *testing.T) {
	for name, want := range map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError} {
		if got := (config.Config{LogLevel: name}).Level(); got != want {
			t.Errorf("%s is %v", name, got)
		}
	}
}

func TestUsageNamesEverySetting(t *testing.T) {
	usage := config.Usage()
	for _, s := range config.Settings() {
		if s.Summary() == "" || !strings.Contains(usage, s.Summary()) || !strings.Contains(usage, s.Values()) {
			t.Errorf("%s is missing", s.Name)
		}
	}
	if strings.Contains(usage, "--master-key ") {
		t.Error("the master key has a flag")
	}
}
