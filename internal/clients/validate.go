package clients

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/portaria/portaria/internal/jose"
)

// Limits of a client.
const (
	// MaxName is the greatest length of a name, in characters.
	MaxName = 100
	// MaxList is the greatest number of audiences, and of scopes.
	MaxList = 50
	// MaxAudience and MaxScope are the greatest lengths of one, in bytes.
	MaxAudience = 255
	MaxScope    = 128
	// MaxKey is the greatest length of a JWK or key set, in bytes.
	MaxKey = jose.MaxKey

	// MaxID is the greatest length of an id, in characters.
	MaxID = 64
	// MinTTL is the shortest lifetime of anything. MaxAccessTTL bounds access tokens
	// and MaxSessionTTL sessions; the settings have the same limits.
	MinTTL        = time.Second
	MaxAccessTTL  = 30 * 24 * time.Hour
	MaxSessionTTL = 400 * 24 * time.Hour
)

// IsID reports whether text can be the id of a client: lower-case letters,
// digits, '.', '_' and '-', the first a letter or digit, at most 64. It is never a
// UUID, because the ids of accounts are in the same claim of tokens (sub).
func IsID(text string) bool {
	if text == "" || len(text) > MaxID || strings.Trim(text, idCharacters) != "" || strings.ContainsRune("._-", rune(text[0])) {
		return false
	}
	_, err := uuid.Parse(text)
	return err != nil
}

const idCharacters = "abcdefghijklmnopqrstuvwxyz0123456789._-"

// reserved reports whether Portaria itself uses the id in tokens.
func reserved(id string) bool {
	return slices.Contains([]string{"portaria", "portaria-cli", "operator"}, id)
}

// Validate returns all faults of the description of a client, as Faults. It does not
// require credentials.
func (c Client) Validate() error {
	var f Faults
	f.add("id", c.checkID())
	if c.Name != c.ID { // report a fault of both once
		f.add("name", checkName(c.Name))
	}
	f.add("kind", c.checkKind())
	f.add("public_key", c.checkPublicKey())
	f.add("audiences", checkList(c.Audiences, isAudience, "255 visible ASCII characters, as in names and URLs"))
	f.add("scopes", checkList(c.Scopes, isScope, `128 characters of visible ASCII without " and \`))
	f.add("grants", c.checkGrants())
	f.add("redirect_uris", c.checkRedirectURIs())
	if c.Kind == Service && c.ThirdParty {
		f.add("third_party", "is for apps: people do not sign in with a service")
	}
	c.checkPolicy(&f)
	f.add("scopes", c.checkAppScopes())
	f.add("scopes", c.checkOwnScopes())
	f.add("profile", c.checkProfile())
	f.add("encryption_key", c.checkEncryptionKey())
	return f.err()
}

func (c Client) checkID() string {
	switch {
	case !IsID(c.ID):
		return "must be 1 to 64 of a-z, 0-9, '.', '_' and '-', the first a letter or digit, and no UUID"
	case reserved(c.ID):
		return "is a name that Portaria uses itself"
	}
	return ""
}

func checkName(name string) string {
	odd := func(r rune) bool { return !unicode.IsGraphic(r) || r == utf8.RuneError }
	switch {
	case strings.TrimSpace(name) == "" || strings.TrimSpace(name) != name:
		return "must not be empty, nor begin or end with a space"
	case utf8.RuneCountInString(name) > MaxName:
		return "must have at most 100 characters"
	case strings.ContainsFunc(name, odd):
		return "must be printable text"
	}
	return ""
}

func (c Client) checkKind() string {
	if c.Kind != Service && c.Kind != App {
		return "must be service or app"
	}
	return ""
}

// checkList bounds a list and each of its texts.
func checkList(list []string, fits func(string) bool, form string) string {
	if len(list) > MaxList {
		return "must be at most 50"
	}
	for i, text := range list {
		if !fits(text) {
			return fmt.Sprintf("number %d must be 1 to %s", i+1, form)
		}
		if slices.Contains(list[:i], text) {
			return fmt.Sprintf("number %d is there already", i+1)
		}
	}
	return ""
}

func isAudience(text string) bool {
	odd := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"{}\\<>^`|=", r) }
	return text != "" && len(text) <= MaxAudience && !strings.ContainsFunc(text, odd)
}

// isScope is scope-token of RFC 6749 §3.3.
func isScope(text string) bool {
	odd := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
	return text != "" && len(text) <= MaxScope && !strings.ContainsFunc(text, odd)
}

func (c Client) checkPolicy(f *Faults) {
	p := c.Policy
	f.add("access_ttl", checkTTL(p.AccessTTL, MaxAccessTTL))
	f.add("refresh_ttl", checkTTL(p.Idle, MaxSessionTTL))
	f.add("session_ttl", checkTTL(p.Absolute, MaxSessionTTL))
	f.add("refresh_retry", checkTTL(p.RefreshRetry, MaxAccessTTL))
	switch {
	case c.Kind == Service && p.RefreshRetry != 0:
		f.add("refresh_retry", noSession)
	case c.Kind == Service && p.NoRotation:
		f.add("rotation", noSession)
	case p.NoRefresh && p.RefreshRetry != 0:
		f.add("refresh_retry", noToken)
	case p.NoRefresh && p.NoRotation:
		f.add("rotation", noToken)
	case p.AccessTTL > 0 && p.RefreshRetry > p.AccessTTL:
		f.add("refresh_retry", "must not be longer than access_ttl")
	}
	switch {
	case c.Kind == Service && p.Idle != 0:
		f.add("refresh_ttl", noSession)
	case c.Kind == Service && p.Absolute != 0:
		f.add("session_ttl", noSession)
	case c.Kind == Service && p.NoRefresh:
		f.add("no_refresh", noSession)
	case p.NoRefresh && p.Idle != 0:
		f.add("refresh_ttl", noRefresh)
	case p.NoRefresh && p.Absolute != 0:
		f.add("session_ttl", noRefresh)
	case p.Absolute != 0 && p.Idle > p.Absolute:
		f.add("refresh_ttl", "must not be longer than session_ttl, which ends every session")
	case p.Absolute != 0 && p.AccessTTL > p.Absolute:
		f.add("access_ttl", "must not be longer than session_ttl, which ends every session")
	}
}

const noRefresh = "means nothing beside no_refresh: the session ends with its one access token, access_ttl"

const noToken = "means nothing beside no_refresh: there are no refresh tokens"

const noSession = "is for apps: a service has no sessions"

// checkTTL bounds a lifetime; zero takes the default.
func checkTTL(ttl, longest time.Duration) string {
	if ttl != 0 && (ttl < MinTTL || ttl > longest || ttl%time.Second != 0) {
		return fmt.Sprintf("must be whole seconds, at most %d days", longest/(24*time.Hour))
	}
	return ""
}

// checkAppScopes refuses scopes without effect: the tokens of people have none.
func (c Client) checkAppScopes() string {
	idle := func(scope string) bool { return !slices.Contains(serverScopes(), scope) }
	if c.Kind == App && slices.ContainsFunc(c.Scopes, idle) {
		return "are for services: people's tokens have none; an app may have " + strings.Join(serverScopes(), ", ") + " for its own server"
	}
	return ""
}

// Powers are the scopes over Portaria itself. Only tokens with the issuer as audience
// have them: otherwise a service with the same audience as Portaria could use the tokens
// that it receives. The names are those of package api.
func Powers() []string { return append(serverScopes(), "portaria:admin") }

// serverScopes are the scopes that the server of an app may have with the app's own
// secret. The names are those of package api.
func serverScopes() []string {
	return []string{"revocation:read", "revocation:write", "events:read", "introspection"}
}

// checkPublicScopes refuses scopes of a public client, because everyone can send its id.
func (c Client) checkPublicScopes(public bool) string {
	if public && len(c.Scopes) > 0 && c.checkAppScopes() == "" {
		return "need a client that can authenticate"
	}
	return ""
}

// checkPublicRotation refuses refresh tokens of public clients that can be used any
// number of times.
func (c Client) checkPublicRotation(public bool) string {
	if public && c.Policy.NoRotation {
		return "off needs a client that can authenticate: otherwise a stolen refresh token is never noticed"
	}
	return ""
}

const noAudience = "is for services: no tokens are issued for an app"

// checkProfile repeats the names of package token, which a test compares, because this
// package does not import that one.
func (c Client) checkProfile() string {
	if c.Kind == App && c.Profile != "" {
		return noAudience
	}
	if !slices.Contains([]string{"", "at+jwt", "jwt", "flask"}, c.Profile) {
		return "must be at+jwt, jwt or flask"
	}
	return ""
}

// checkPublicKey accepts keys that can verify signatures of the client. It refuses
// private keys.
func (c Client) checkPublicKey() string {
	if c.PublicKey == "" {
		return ""
	}
	set, fault := publicKeys(c.PublicKey)
	if fault == "" && !slices.ContainsFunc(set.Keys(), func(k jose.Key) bool { return k.Algorithm().Signs() }) {
		return "has no key to verify signatures with"
	}
	return fault
}

func (c Client) checkEncryptionKey() string {
	if c.EncryptionKey == "" {
		return ""
	}
	if c.Kind == App {
		return noAudience
	}
	set, fault := publicKeys(c.EncryptionKey)
	if fault != "" {
		return fault
	}
	if _, err := set.NamedEncryptionKey(); err != nil {
		return "has no key to encrypt to"
	}
	return ""
}

// publicKeys reads a JWK or key set. It refuses a set with a key that is private or
// cannot be used, instead of ignoring that key.
func publicKeys(text string) (jose.KeySet, string) {
	if len(text) > MaxKey {
		return jose.KeySet{}, "is longer than 16 KiB"
	}
	set, err := jose.ParseKeySet([]byte(text))
	if err != nil {
		return jose.KeySet{}, "must be a public JWK, or a key set: " + err.Error()
	}
	if skipped := set.Skipped(); len(skipped) > 0 {
		return jose.KeySet{}, fmt.Sprintf("key %d of the set: %v", skipped[0].Index+1, skipped[0].Reason)
	}
	hidden := func(k jose.Key) bool { return k.Private() || k.Algorithm().Symmetric() }
	if slices.ContainsFunc(set.Keys(), hidden) {
		return jose.KeySet{}, "is a private key, which the client alone may know: make another one, and register its public half"
	}
	return set, ""
}
