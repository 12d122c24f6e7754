package verifytest

import (
	"strings"
	"time"

	"github.com/portaria/portaria/internal/jose"
)

// Claim sets a claim to any value that marshals to JSON; nil leaves it out.
func Claim(name string, value any) Option {
	return func(m *token) {
		if m.claims[name] = value; value == nil {
			delete(m.claims, name)
		}
	}
}

// Subject sets whose token it is.
func Subject(sub string) Option { return Claim("sub", sub) }

// Scope sets the scope.
func Scope(names ...string) Option { return Claim("scope", strings.Join(names, " ")) }

// Expired makes a token that was good until an hour ago.
func Expired() Option {
	return func(m *token) {
		m.claims["exp"] = m.now.Add(-time.Hour).Unix()
		m.claims["iat"] = m.now.Add(-time.Hour - lifetime).Unix()
		m.claims["nbf"] = m.claims["iat"]
	}
}

// Fresh makes the token of an account that proved its password just now.
func Fresh() Option {
	return func(m *token) { m.claims["fresh"], m.claims["auth_time"] = true, m.now.Unix() }
}

// SignedInAgo sets when the account last proved its password.
func SignedInAgo(d time.Duration) Option {
	return func(m *token) { m.claims["auth_time"] = m.now.Add(-d).Unix() }
}

// CSRF sets the double-submit value that a token in a cookie needs.
func CSRF(value string) Option { return Claim("csrf", value) }

// Type sets the "typ" of the header, such as "JWT" for a plain JWT.
func Type(typ string) Option { return func(m *token) { m.header["typ"] = typ } }

// Forged signs with a key of somebody else under the issuer's kid.
func Forged() Option {
	return func(m *token) {
		m.t.Helper()
		kid := m.signer.Kid()
		UnknownKey()(m)
		m.header["kid"] = kid
	}
}

// UnknownKey signs with a key that the issuer does not publish. The token is a
// minute old: a younger one could be of a new key, which is 503 and not 401.
func UnknownKey() Option {
	return func(m *token) {
		m.t.Helper()
		m.claims["iat"] = m.now.Add(-time.Minute).Unix()
		m.claims["nbf"] = m.claims["iat"]
		k, err := jose.Generate(jose.ES256)
		if err != nil {
			m.t.Fatalf("generate key: %v", err)
		}
		m.signer = k
	}
}
