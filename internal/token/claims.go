// Package token mints access tokens (RFC 9068): it turns claims into tokens that
// are signed with the active key of a ring. Package verify reads them.
package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// Claims are the claims of an access token. Times have a resolution of one second and
// are in UTC. Members that are empty are left out of the token, except Fresh and
// Revision.
type Claims struct {
	Issuer    string    // iss: the URL of the issuer
	Subject   string    // sub: the account's random id
	Audience  []string  // aud: whom the token is for
	IssuedAt  time.Time // iat
	NotBefore time.Time // nbf
	ExpiresAt time.Time // exp
	ID        string    // jti: 128 random bits
	ClientID  string    // client_id
	SessionID string    // sid
	Root      string    // root: the session that SessionID came from; empty for none
	Scope     string    // scope: names between single spaces
	AuthTime  time.Time // auth_time: when the account last proved a credential
	AMR       []string  // amr: how it did (RFC 8176)
	ACR       string    // acr: how much that proves; see session.Proofs.ACR
	Fresh     bool      // fresh: it did so in this very issuance
	Revision  int64     // rvs: the head of the revocation log at minting
	Type      string    // type: set by the issuer, in the profile [Flask] alone
	CSRF      string    // csrf: the double-submit value of a token kept in a cookie
}

// Lifetime returns how long the token lives from now on. The clock of this process may
// be ahead of the clock that dates tokens (iat). Lifetime then returns the shorter
// time, so that the token has expired on no clock before it ends.
func (c Claims) Lifetime(now time.Time) time.Duration {
	return min(c.ExpiresAt.Sub(c.IssuedAt), c.ExpiresAt.Sub(now.Truncate(time.Second)))
}

// ErrClaims reports claims that cannot be minted.
var ErrClaims = errors.New("token: bad claims")

// ErrTooLarge reports claims that make a token longer than Policy.MaxSize. It
// wraps ErrClaims.
var ErrTooLarge = fmt.Errorf("%w: token", ErrClaims)

// append writes the claims as JSON, in the order of RFC 9068's examples: equal
// claims give equal bytes.
func (c Claims) append(b []byte) []byte {
	w := writer{b: append(b, '{')}
	w.text("iss", c.Issuer)
	w.text("sub", c.Subject)
	if len(c.Audience) == 1 {
		w.text("aud", c.Audience[0])
	} else {
		w.texts("aud", c.Audience)
	}
	w.date("iat", c.IssuedAt)
	w.date("nbf", c.NotBefore)
	w.date("exp", c.ExpiresAt)
	w.text("jti", c.ID)
	w.text("client_id", c.ClientID)
	w.text("sid", c.SessionID)
	w.text("root", c.Root)
	w.text("scope", c.Scope)
	w.date("auth_time", c.AuthTime)
	w.texts("amr", c.AMR)
	w.text("acr", c.ACR)
	w.name("fresh")
	w.b = strconv.AppendBool(w.b, c.Fresh)
	w.name("rvs")
	w.b = strconv.AppendInt(w.b, c.Revision, 10)
	w.text("type", c.Type)
	w.text("csrf", c.CSRF)
	return append(w.b, '}')
}

// writer appends members of an object, leaving out empty ones.
type writer struct{ b []byte }

func (w *writer) name(name string) {
	if w.b[len(w.b)-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(append(append(w.b, '"'), name...), '"', ':')
}

func (w *writer) text(name, value string) {
	if value != "" {
		w.name(name)
		w.b = appendText(w.b, value)
	}
}

func (w *writer) texts(name string, values []string) {
	if len(values) == 0 {
		return
	}
	w.name(name)
	for i, value := range values {
		w.b = append(w.b, "[,"[min(i, 1)])
		w.b = appendText(w.b, value)
	}
	w.b = append(w.b, ']')
}

func (w *writer) date(name string, at time.Time) {
	if !at.IsZero() {
		w.name(name)
		w.b = strconv.AppendInt(w.b, at.Unix(), 10)
	}
}

// appendText writes a JSON string; plain ASCII, which nearly all is, at once.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			escaped, err := json.Marshal(s)
			if err != nil {
				return append(b, `""`...) // strings always marshal
			}
			return append(b, escaped...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
