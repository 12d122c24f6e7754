package verify

import (
	"fmt"
	"strings"

	"github.com/portaria/portaria/verify/internal/keyset"
	"github.com/portaria/portaria/verify/internal/payload"
)

// policy is what the verifier expects of every token. Each record points to it:
// a record of one verifier must not be used by another.
type policy struct {
	issuer, audience string
	profile          Profile
	leeway           int64 // milliseconds
	revocable        bool  // the revocation feed is followed
}

// checkCheap checks what costs nothing, before the signature is verified.
func (p *policy) checkCheap(c *payload.Payload, now int64) error {
	switch {
	case string(c.Issuer) != p.issuer:
		return ErrIssuer
	case c.Dates[payload.Expires] == payload.NoDate:
		return fmt.Errorf("%w: no exp", ErrClaims)
	case p.expired(c.Dates[payload.Expires], now):
		return ErrExpired
	case p.revocable && c.Mistyped != "":
		return fmt.Errorf("%w: claim %s has another type than the revocation log needs", ErrClaims, c.Mistyped)
	}
	return nil
}

// check checks the other claims.
func (p *policy) check(c *payload.Payload, now int64) error {
	switch {
	case len(c.Texts[payload.Audience]) == 0:
		return fmt.Errorf("%w: no aud", ErrAudience)
	case !c.IsFor(p.audience):
		return ErrAudience
	case p.profile == Flask && string(c.Typ) != "access" || string(c.Typ) == "refresh":
		return fmt.Errorf("%w: claim type", ErrType)
	case len(c.Texts[payload.Subject]) == 0:
		return fmt.Errorf("%w: no sub", ErrClaims)
	case c.Dates[payload.IssuedAt] == payload.NoDate:
		return fmt.Errorf("%w: no iat", ErrClaims)
	case p.early(c.Dates[payload.NotBefore], now) || p.early(c.Dates[payload.IssuedAt], now):
		return ErrNotYet
	}
	return nil
}

func (p *policy) expired(expires, now int64) bool { return now >= expires+p.leeway }
func (p *policy) early(from, now int64) bool      { return from > now+p.leeway }

// record copies what is kept of a verified token.
func (p *policy) record(c *payload.Payload, k *keyset.Key) *record {
	if c.HasPlainAudience() {
		c.Texts[payload.Audience] = nil // it equals that of the policy
	}
	if len(c.Texts[payload.Scope]) == 0 {
		c.Texts[payload.Scope] = c.Scp
	}
	r := &record{policy: p, key: k, dates: c.Dates, revision: c.Revision, fresh: c.Fresh}
	size := 0
	for i, t := range c.Texts {
		size += len(t)
		r.ends[i] = uint16(size) // a token has 8 KiB at most
	}
	var all strings.Builder
	all.Grow(size)
	for _, t := range c.Texts {
		all.Write(t)
	}
	r.texts = all.String()
	return r
}
