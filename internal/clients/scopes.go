package clients

import (
	"fmt"
	"slices"
	"strings"
)

// ownScopes are the scopes that routes of Portaria ask for. The names are those
// of package api, which a test compares.
func ownScopes() []string { return append(serverScopes(), "portaria:admin") }

// ownNames are the first parts of Portaria's scopes. Another scope that begins with one
// looks like a scope of Portaria.
func ownNames() []string {
	return []string{
		"portaria", "admin", "account", "accounts", "session", "sessions", "client", "clients", "key", "keys",
		"event", "events", "webhook", "webhooks", "revocation", "revocations", "verifier", "verifiers", "introspection",
	}
}

// checkOwnScopes refuses misspelt scopes of Portaria, which no route accepts: otherwise
// the mistake is only noticed when a request is refused. Services choose their own
// scopes, for example orders:read.
func (c Client) checkOwnScopes() string {
	for i, scope := range c.Scopes {
		if slices.Contains(ownScopes(), scope) {
			continue
		}
		first, _, _ := strings.Cut(strings.Map(separator, strings.ToLower(scope)), ":")
		near := nearest(scope, ownScopes())
		switch {
		case near != "":
			return fmt.Sprintf("number %d is no scope of Portaria; did you mean %s?", i+1, near)
		case slices.Contains(ownNames(), first):
			return fmt.Sprintf("number %d begins like a scope of Portaria, and no route knows it; Portaria has %s; "+
				"begin scopes of your own services with their names, such as orders:read", i+1, strings.Join(ownScopes(), ", "))
		}
	}
	return ""
}

// separator maps the usual separators of scopes to one.
func separator(r rune) rune {
	if strings.ContainsRune(".:/-_", r) {
		return ':'
	}
	return r
}

// nearest returns the name that differs from text in at most one character,
// letters of either case and separators being equal; empty when none does.
func nearest(text string, names []string) string {
	const most = 1
	normal := func(s string) string { return strings.Map(separator, strings.ToLower(s)) }
	for _, name := range names {
		if distance(normal(text), normal(name)) <= most {
			return name
		}
	}
	return ""
}

// distance counts the characters to insert, to delete or to change (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
