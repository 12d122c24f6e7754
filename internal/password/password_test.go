package password_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/password"
)

func TestPlainNeverShowsItself(t *testing.T) {
	const secret = "open sesame"
	p := typed(t, secret)
	nested := struct {
		name   string
		hidden password.Plain
	}{"somebody", p}

	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%t", "%T"} {
		for _, v := range []any{p, &p, nested, []password.Plain{p}, map[string]password.Plain{"k": p}} {
			if out := fmt.Sprintf(verb, v); leaks(out, secret) {
				t.Errorf("%s of %T shows the password: %s", verb, v, out)
			}
		}
	}
	if got := fmt.Sprintf("%d", p); got != "[secret]" {
		t.Errorf("%%d prints %s, want [secret]", got)
	}

	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "p", p, "n", nested)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "p", p, "n", nested)
	out, err := json.Marshal(map[string]any{"p": p, "list": []password.Plain{p}})
	if err != nil {
		t.Fatal(err)
	}
	if all := log.String() + string(out); leaks(all, secret) || !strings.Contains(all, "[secret]") {
		t.Errorf("log or JSON: %s", all)
	}
}

func leaks(out, secret string) bool {
	return strings.Contains(out, secret) || strings.Contains(strings.ToLower(out), fmt.Sprintf("%x", secret))
}

func TestLengthIsCountedInCharactersAfterNFC(t *testing.T) {
	const eAcute = "e\u0301" // two code points, one after NFC
	for _, c := range []struct {
		name          string
		in            string
		typed, chosen error
	}{
		{"empty", "", nil, password.ErrTooShort},
		{"7", strings.Repeat("x", 7), nil, password.ErrTooShort},
		{"8", strings.Repeat("x", 8), nil, nil},
		{"7 of two code points", strings.Repeat(eAcute, 7), nil, password.ErrTooShort},
		{"8 of four bytes", strings.Repeat("😀", 8), nil, nil},
		{"256", strings.Repeat("x", 256), nil, nil},
		{"256 of two code points", strings.Repeat(eAcute, 256), nil, nil},
		{"256 of four bytes", strings.Repeat("😀", 256), nil, nil},
		{"257", strings.Repeat("x", 257), nil, password.ErrTooLong},
		{"1024", strings.Repeat("x", 1024), nil, password.ErrTooLong},
		{"1024 of four bytes", strings.Repeat("😀", 1024), nil, password.ErrTooLong},
		{"1025", strings.Repeat("x", 1025), password.ErrTooLong, password.ErrTooLong},
		{"a megabyte", strings.Repeat("x", 1<<20), password.ErrTooLong, password.ErrTooLong},
		{"not UTF-8", "eight\xff\xfe\xfd", password.ErrNotText, password.ErrNotText},
	} {
		p, err := password.Typed(c.in)
		if !errors.Is(err, c.typed) {
			t.Errorf("Typed %s: %v, want %v", c.name, err, c.typed)
		}
		if err == nil {
			err = p.CheckNew()
		}
		if !errors.Is(err, c.chosen) {
			t.Errorf("CheckNew %s: %v, want %v", c.name, err, c.chosen)
		}
	}
}

func TestNewPasswordIsNotTheIdentifier(t *testing.T) {
	ids := []string{"Jos\u00e9@Example.com", "jos\u00e9@example.com"}
	for in, want := range map[string]error{
		"jos\u00e9@example.com":    password.ErrIsIdentifier,
		"JOSE\u0301@EXAMPLE.COM":   password.ErrIsIdentifier,
		"jos\u00e9@example.com.br": nil,
		"quite different":          nil,
	} {
		p, err := password.Typed(in)
		if err == nil {
			err = p.CheckNew(ids...)
		}
		if !errors.Is(err, want) {
			t.Errorf("CheckNew %q: %v, want %v", in, err, want)
		}
	}
	if err := (password.Plain{}).CheckNew(); !errors.Is(err, password.ErrTooShort) {
		t.Errorf("the zero value: %v", err)
	}
}

func TestPolicy(t *testing.T) {
	with := func(change func(*password.Policy)) password.Policy {
		p := password.DefaultPolicy()
		change(&p)
		return p
	}
	for _, c := range []struct {
		name string
		in   password.Policy
		ok   bool
	}{
		{"default", password.DefaultPolicy(), true},
		{"zero value", password.Policy{}, false},
		{"less memory", with(func(p *password.Policy) { p.MemoryKiB-- }), false},
		{"one iteration", with(func(p *password.Policy) { p.Iterations = 1 }), false},
		{"no lane", with(func(p *password.Policy) { p.Parallelism = 0 }), false},
		{"2 TiB", with(func(p *password.Policy) { p.MemoryKiB = 1 << 31 }), false},
		{"more than 4 GiB of work", with(func(p *password.Policy) { p.MemoryKiB, p.Iterations = 1<<20, 5 }), false},
		{"negative concurrency", with(func(p *password.Policy) { p.Concurrent = -1 }), false},
		{"negative queue", with(func(p *password.Policy) { p.Queue = -1 }), false},
		{"no queue", with(func(p *password.Policy) { p.Queue = 0 }), true},
		{"no deadline", with(func(p *password.Policy) { p.QueueDeadline = 0 }), false},
		{"cheap, and said so", cheap(), true},
		{"below Argon2 itself", password.Policy{MemoryKiB: 7, Iterations: 1, Parallelism: 1, QueueDeadline: 1, InsecureCheapHashes: true}, false},
	} {
		if err := c.in.Validate(); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		h, err := password.New(c.in, password.Options{})
		if (err == nil) != c.ok {
			t.Errorf("New with %s: %v", c.name, err)
		}
		if err == nil {
			h.Close()
		}
	}
}

func TestPolicyReportsEverythingAtOnce(t *testing.T) {
	err := password.Policy{MemoryKiB: 8, Iterations: 1, Parallelism: 1, Queue: -1}.Validate()
	for _, want := range []string{"memory", "iterations", "queue of", "deadline"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not speak of %s", err, want)
		}
	}
}
