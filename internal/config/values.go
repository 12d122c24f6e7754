package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/pgurl"
)

// Secret is a value that prints as [secret].
type Secret struct{ value string }

// Reveal returns the value itself. Do not log it.
func (s Secret) Reveal() string { return s.value }

// IsZero reports whether there is no value.
func (s Secret) IsZero() bool { return s.value == "" }

// String hides the value.
func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return "[secret]"
}

// GoString hides the value from %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the value from JSON and from structured logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Database says where everything is kept. It prints without the password.
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

var errDuration = errors.New("is no duration; write 90s, 15m, 36h, 7d or 2w")

// ParseDuration reads a duration as settings are written, such as 90s, 36h, 7d
// or 2w; it is never negative.
func ParseDuration(text string) (time.Duration, error) { return parseDuration(text) }

// parseDuration reads what time.ParseDuration reads, and days and weeks.
// Numbers without a unit are refused: half of all readers think of seconds, the
// other half of minutes.
func parseDuration(text string) (time.Duration, error) {
	if text != "" && strings.Trim(text, "0123456789.") == "" {
		return 0, fmt.Errorf("is a number without a unit; write %ss, %sm, %sh or %sd", text, text, text, text)
	}
	var sum time.Duration
	for rest := text; rest != "" || text == ""; {
		part, remaining, err := leadingDuration(rest)
		if err != nil || sum+part < sum {
			return 0, errDuration
		}
		sum, rest = sum+part, remaining
	}
	return sum, nil
}

// leadingDuration reads one number with its unit.
func leadingDuration(text string) (part time.Duration, rest string, err error) {
	number := len(text) - len(strings.TrimLeft(text, "0123456789."))
	unit := strings.IndexAny(text[number:], "0123456789.")
	if unit < 0 {
		unit = len(text) - number
	}
	amount, name, rest := text[:number], text[number:number+unit], text[number+unit:]
	factor := time.Duration(1)
	switch name {
	case "d":
		name, factor = "h", 24
	case "w":
		name, factor = "h", 7*24
	}
	part, err = time.ParseDuration(amount + name)
	if err != nil || number == 0 || part > time.Duration(1<<63-1)/factor {
		return 0, "", errDuration
	}
	return part * factor, rest, nil
}

// parseNetworks reads a list of networks (10.0.0.0/8) and single addresses.
func parseNetworks(items []string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, item := range items {
		network, err := parseNetwork(strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		networks = append(networks, network)
	}
	return networks, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	network, err := netip.ParsePrefix(text)
	if address, single := netip.ParseAddr(text); single == nil && address.Zone() == "" {
		network, err = netip.PrefixFrom(address, address.BitLen()), nil
	}
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%s is no network; write 10.0.0.0/8 or an address", show(text))
	case network.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("%q is everybody, who could then claim any address", text)
	case network.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is IPv4 within IPv6; write it as IPv4", text)
	}
	return network.Masked(), nil
}
