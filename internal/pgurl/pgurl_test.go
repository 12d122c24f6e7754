package pgurl_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/pgurl"
)

func TestCheckAccepts(t *testing.T) {
	for text, want := range map[string]string{
		"postgres://ana:hunter2@db.example.org/portaria":                            "postgres://db.example.org/portaria",
		"postgresql://ana:hunter2@db.example.org:5433/portaria?sslmode=verify-full": "postgres://db.example.org:5433/portaria",
		"postgres://ana:p%40s%2Fs%3Fw%23rd%25@db/portaria":                          "postgres://db/portaria",
		"postgres://ana:p@ss@db/portaria":                                           "postgres://db/portaria",
		"postgres://ana:a:b:c@[::1]:5432/portaria":                                  "postgres://[::1]:5432/portaria",
		"postgres:///portaria?host=/run/postgresql&user=ana":                        "postgres:///portaria",
		"postgres://db": "postgres://db",
		"postgres://ana@db/name%40with?options=-c%20search_path%3Dx&password=hunter2%40": "postgres://db/name%40with",
	} {
		if err := pgurl.Check(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got := pgurl.Display(text); got != want {
			t.Errorf("%s is displayed as %s, want %s", text, got, want)
		}
	}
}

// TestNoPartOfAPassword writes each printable character unescaped into each
// position of a password. Either the URL is refused, or host and database are
// the true ones; nothing that is displayed has a part of the password.
func TestNoPartOfAPassword(t *testing.T) {
	const password = "8765secret4321"
	for c := byte(' '); c <= '~'; c++ {
		for i := range len(password) + 1 {
			text := "postgres://ana:" + password[:i] + string(c) + password[i:] + "@db.example.org/portaria"
			display, err := pgurl.Display(text), pgurl.Check(text)
			if err == nil && display != "postgres://db.example.org/portaria" {
				t.Errorf("%s is displayed as %s", text, display)
			}
			if err != nil && (strings.Contains(display, "8765") || strings.Contains(err.Error(), "8765") || strings.Contains(err.Error(), "4321")) {
				t.Errorf("%s: %v, displayed as %s", text, err, display)
			}
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	for text, want := range map[string]error{
		"":                                    pgurl.ErrForm,
		"portaria.db":                         pgurl.ErrForm,
		"mysql://ana:hunter2@db/portaria":     pgurl.ErrForm,
		"postgres:ana:hunter2":                pgurl.ErrForm,
		"host=db password=hunter2":            pgurl.ErrForm,
		"postgres://db/folder/portaria":       pgurl.ErrForm,
		"postgres://ana:12#34@db/portaria":    pgurl.ErrUnescaped,
		"postgres://ana:12/34@db/portaria":    pgurl.ErrUnescaped,
		"postgres://ana:12?34@db/portaria":    pgurl.ErrUnescaped,
		"postgres://ana:12#34":                pgurl.ErrUnescaped,
		"postgres://ana:hunter2":              pgurl.ErrUnescaped,
		"postgres://ana:50%@db/portaria":      pgurl.ErrUnescaped,
		"postgres://ana:a b@db/portaria":      pgurl.ErrUnescaped,
		"postgres://ana:x@db/portaria?a;b":    pgurl.ErrUnescaped,
		"postgres://ana:x@db/portaria?a=50%":  pgurl.ErrUnescaped,
		"postgres://ana:x@db/portaria\n":      pgurl.ErrUnescaped,
		"postgres://ana:[x@db/portaria":       pgurl.ErrUnescaped,
		"postgres://ana:x@db/portaria?u=a@b":  pgurl.ErrUnescaped,
		"postgres://ana:pa@ss/word@db/portar": pgurl.ErrUnescaped,
	} {
		if err := pgurl.Check(text); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", text, err, want)
		}
	}
}
