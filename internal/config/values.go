package config

import (
	"errors"
	"net/url"
	"strings"

	"github.com/portaria/portaria/internal/pgurl"
)

// Database is the address of the database. It prints without the password.
type Database struct {
	postgres bool
	source   string
}

var errDatabase = errors.New("must be sqlite:PATH or postgres://user:password@host/name")

// ParseDatabase reads `sqlite:PATH`, `postgres://…` or `postgresql://…`. Its
// errors do not contain the text, which may hold a password.
func ParseDatabase(text string) (Database, error) {
	if path, ok := strings.CutPrefix(text, "sqlite:"); ok {
		if path == "" || strings.ContainsRune(path, 0) {
			return Database{}, errDatabase
		}
		return Database{source: path}, nil
	}
	switch err := pgurl.Check(text); {
	case errors.Is(err, pgurl.ErrUnescaped):
		return Database{}, err
	case err != nil:
		return Database{}, errDatabase
	}
	return Database{postgres: true, source: text}, nil
}

// SQLite returns the path of the database file.
func (d Database) SQLite() (path string, ok bool) { return d.source, !d.postgres && d.source != "" }

// Postgres returns the URL, with its password. Do not log it.
func (d Database) Postgres() (url string, ok bool) { return d.source, d.postgres }

// Reveal returns the whole URL, with its password. Do not log it.
func (d Database) Reveal() string {
	if d.postgres || d.source == "" {
		return d.source
	}
	return "sqlite:" + d.source
}

// String names the database without user, password and parameters.
func (d Database) String() string {
	if !d.postgres {
		return "sqlite:" + d.source
	}
	return pgurl.Display(d.source)
}

// GoString hides the password from %#v.
func (d Database) GoString() string { return d.String() }

// MarshalText hides the password from JSON and from structured logs.
func (d Database) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is [ParseDatabase].
func (d *Database) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDatabase(string(text))
	return err
}

// Redacted returns what may be shown of the URL: see String.
func (d Database) Redacted() string { return d.String() }

// HoldsSecret reports whether the URL contains a password.
func (d Database) HoldsSecret() bool {
	location, err := url.Parse(d.source)
	if !d.postgres || err != nil {
		return false
	}
	_, inUser := location.User.Password()
	return inUser || location.Query().Has("password")
}
