package token

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
)

var (
	// ErrExpired reports a token of ours with nothing wrong but its age: its
	// signature and all other claims are good.
	ErrExpired = errors.New("token: expired")
	// ErrInvalid reports any other token. It wraps a reason for the log; the
	// caller of an API learns only that the token is invalid.
	ErrInvalid = errors.New("token: invalid")

	errHeader     = errors.New("header is not that of an access token")
	errUnknownKey = errors.New("no such key in use")
	errIssuer     = errors.New("another issuer")
	errAudience   = errors.New("another audience")
	errKind       = errors.New("another kind of token")
	errMissing    = errors.New("required claim is missing")
	errFuture     = errors.New("not valid yet")
)

// Verifier verifies access tokens of this issuer for one audience, in the
// profile that the policy has for it. Safe for concurrent use.
type Verifier struct {
	ring    *keyring.Ring
	policy  Policy
	profile Profile
	// learned holds headers by value that came with a good signature, so that
	// they are parsed once for each key and not once for each token.
	learned atomic.Pointer[map[string]jose.Header]
}

// maxLearned bounds the learned headers. A header is learned only from a token
// of ours, so that their number is the number of keys.
const maxLearned = 64

// NewVerifier returns a verifier for the issuer and audience of the policy.
func NewVerifier(ring *keyring.Ring, p Policy) (*Verifier, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("set up verifier: %w", err)
	}
	v := &Verifier{ring: ring, policy: p, profile: p.Services[p.Audience].Profile}
	v.learned.Store(&map[string]jose.Header{})
	return v, nil
}

// Verify returns the claims of an access token, or an error that is ErrExpired
// or wraps ErrInvalid.
func (v *Verifier) Verify(compact string, now time.Time) (Claims, error) {
	c, err := v.verify(compact, now)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if !now.Before(c.ExpiresAt.Add(v.policy.Leeway)) {
		return Claims{}, ErrExpired
	}
	return c, nil
}

// verify checks everything but the age.
func (v *Verifier) verify(compact string, now time.Time) (Claims, error) {
	parts, err := jose.Split(compact)
	if err != nil {
		return Claims{}, err
	}
	if err := v.checkSignature(parts, now); err != nil {
		return Claims{}, err
	}
	var buffer [1024]byte
	payload, err := jose.AppendDecode(buffer[:0], parts.Payload)
	if err != nil {
		return Claims{}, err
	}
	c, err := parseClaims(payload)
	if err != nil {
		return Claims{}, err
	}
	return c, v.checkClaims(c, now)
}

func (v *Verifier) checkSignature(parts jose.Compact, now time.Time) error {
	header, known := (*v.learned.Load())[parts.Header]
	if !known {
		var err error
		if header, err = jose.ParseHeader(parts.Header); err != nil {
			return err
		}
		if header.Type != v.profile.typ() || header.ContentType != "" || header.CarriesKey {
			return errHeader
		}
	}
	key, ok := v.ring.Find(header.Kid, now)
	if !ok {
		return errUnknownKey
	}
	if header.Algorithm != key.Algorithm() {
		return jose.ErrAlgorithm
	}
	if err := parts.Verify(key.Key); err != nil {
		return err
	}
	if !known {
		v.learn(parts.Header, header)
	}
	return nil
}

// learn keeps a header. Two at once may lose one of them: it is learned again.
func (v *Verifier) learn(encoded string, h jose.Header) {
	old := *v.learned.Load()
	if len(old) >= maxLearned {
		old = nil // keys of long ago
	}
	learned := make(map[string]jose.Header, len(old)+1)
	for k, header := range old {
		learned[k] = header
	}
	learned[strings.Clone(encoded)] = h // not the whole token with it
	v.learned.Store(&learned)
}

func (v *Verifier) checkClaims(c Claims, now time.Time) error {
	latest := now.Add(v.policy.Leeway)
	switch {
	case c.Issuer != v.policy.Issuer:
		return errIssuer
	case !slices.Contains(c.Audience, v.policy.Audience):
		return errAudience
	case c.Type != v.profile.claimType():
		return errKind
	case c.Subject == "" || c.ExpiresAt.IsZero() || c.IssuedAt.IsZero():
		return errMissing
	case c.NotBefore.After(latest) || c.IssuedAt.After(latest):
		return errFuture
	}
	return nil
}
