// Package pgurl reads PostgreSQL URLs strictly, so that no part of a password
// is ever taken for a host name, a database name or a parameter.
//
// A password with an unescaped `/`, `?` or `#` ends the user part of a URL too early:
// in postgres://ana:12#34@db/portaria a lenient parser finds the host "ana" and the
// port 12. Logs, error messages and DNS lookups would then contain a part of the
// password. [Check] rejects every URL of this kind.
package pgurl

import (
	"errors"
	"net/url"
	"strings"
)

// Errors of Check. They never contain any part of the text.
var (
	// ErrForm says that a text is no PostgreSQL URL.
	ErrForm = errors.New("must be postgres://user:password@host/name")
	// ErrUnescaped says that a reserved character stands where it must be
	// percent-encoded, as in a password.
	ErrUnescaped = errors.New("has a reserved character that must be percent-encoded: in a password, write @ as %40, / as %2F, ? as %3F, # as %23 and % as %25")
)

// Check returns the fault of a PostgreSQL URL. Its errors do not contain the text.
func Check(text string) error {
	rest, ok := strings.CutPrefix(text, "postgres://")
	if !ok {
		rest, ok = strings.CutPrefix(text, "postgresql://")
	}
	if !ok {
		return ErrForm
	}
	// Every @ must belong to the user part, and # has no use in the URL.
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if strings.ContainsAny(rest[end:], "@#") {
		return ErrUnescaped
	}
	location, err := url.Parse(text)
	if err != nil {
		// The text may have no @ after the host, as in postgres://ana:s3cret.
		return ErrUnescaped
	}
	if strings.Contains(strings.TrimPrefix(location.EscapedPath(), "/"), "/") {
		return ErrForm // a database name has no folders
	}
	if _, err := url.ParseQuery(location.RawQuery); err != nil {
		return ErrUnescaped
	}
	return nil
}

// Display names the host and the database of a URL, without user, password and
// parameters. A URL that Check refuses is displayed as nothing but its scheme.
func Display(text string) string {
	if Check(text) != nil {
		return "postgres://[secret]"
	}
	location, err := url.Parse(text)
	if err != nil {
		return "postgres://[secret]"
	}
	return "postgres://" + location.Host + location.EscapedPath()
}
