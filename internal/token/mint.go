package token

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/secret"
	"github.com/portaria/portaria/internal/strictjson"
)

// clockSkew is how far in the past a token begins to be valid, because the clock of a
// verifier may be slow by that much.
const clockSkew = 5 * time.Second

// defaultMaxSize is the largest cookie that browsers accept. It also fits into a
// request header of the strictest proxies.
const defaultMaxSize = 4096

// Policy describes the access tokens of this issuer.
type Policy struct {
	// Issuer is the "iss" of every token: the public URL, not the listen
	// address. Required.
	Issuer string
	// Audience is the "aud" of every token that does not ask for another.
	// Required.
	Audience string
	// TTL is how long a token lives, in whole seconds. Required.
	TTL time.Duration
	// MaxSize is the greatest length of a token in bytes, at most [jose.MaxToken]. A
	// proxy would reject a larger one with 413 or 431, where nobody looks for the cause.
	// Default 4096.
	MaxSize int
	// Services holds the audiences whose tokens are encrypted or have another profile.
	Services map[string]Service
	// Registered finds an audience that is not in Services, because it was registered
	// while the issuer runs. It is called for each token for such an audience. Its error
	// wraps ErrAudience for an unknown audience. Nil knows none.
	Registered func(ctx context.Context, audience string) (Service, error)
	// Latest returns the latest time that a token may be dated, even if now is later: a
	// time that the shared clock of all issuers has reached. Nil for a single issuer.
	Latest func() time.Time
}

// Validate returns all faults of the policy.
func (p Policy) Validate() error {
	var errs []error
	if p.Issuer == "" {
		errs = append(errs, errors.New("issuer: required"))
	}
	if p.Audience == "" {
		errs = append(errs, errors.New("audience: required"))
	}
	if p.Issuer != "" && p.Audience == p.Issuer {
		errs = append(errs, errSelf)
	}
	if p.TTL < time.Second || p.TTL%time.Second != 0 {
		errs = append(errs, errors.New("access token lifetime: must be whole seconds, at least one"))
	}
	if p.MaxSize < 0 || p.MaxSize > jose.MaxToken {
		errs = append(errs, fmt.Errorf("token size: must be at most %d bytes", jose.MaxToken))
	}
	for audience, service := range p.Services {
		if audience == p.Issuer {
			errs = append(errs, errSelf)
		}
		if err := service.validate(audience == p.Audience); err != nil {
			errs = append(errs, fmt.Errorf("audience %s: %w", audience, err))
		}
	}
	return errors.Join(errs...)
}

// errSelf reports a service with the issuer's own audience. It could use the tokens
// that it receives at the issuer's routes.
var errSelf = errors.New("audience: the issuer's URL is the audience of its own routes: choose another name for services")

// Token is a minted token.
type Token = secret.Text

// Issuer mints access tokens with the active key of a ring. Safe for
// concurrent use.
type Issuer struct {
	ring   *keyring.Ring
	policy Policy
	// One header for each "typ".
	accessHeader, plainHeader atomic.Pointer[mintHeader]
	// signed is the key that signed last. A rehearsal with it needs no signature.
	signed atomic.Pointer[signedKey]
}

// signedKey is a key that has signed, and the encoded size of its signatures.
type signedKey struct {
	kid  string
	size int
}

// mintHeader is the encoded header for the key that signed last.
type mintHeader struct {
	kid, encoded string
}

// NewIssuer returns an issuer for the policy.
func NewIssuer(ring *keyring.Ring, p Policy) (*Issuer, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("set up issuer: %w", err)
	}
	return &Issuer{ring: ring, policy: p}, nil
}

// Mint signs an access token, and encrypts it if its audience requires that. It sets
// Issuer, IssuedAt, NotBefore, ID and Type, sets Audience and ExpiresAt if they are
// empty, and returns the signed claims. Subject is required. Errors wrap [ErrClaims],
// naming the claim at fault, [keyring.ErrNoActiveKey], or the error of the audience's
// key source.
func (i *Issuer) Mint(now time.Time, c Claims) (Token, Claims, error) {
	c = i.complete(now, c)
	service, err := i.policy.service(c.Audience)
	if err != nil {
		return "", Claims{}, fmt.Errorf("mint: %w", err)
	}
	return i.mint(now, service, c)
}

// mint signs complete claims, and encrypts them if the service requires that.
func (i *Issuer) mint(now time.Time, service Service, c Claims) (Token, Claims, error) {
	key, err := i.ring.Active(now)
	if err != nil {
		return "", Claims{}, fmt.Errorf("mint: %w", err)
	}
	return i.mintWith(key, now, service, c)
}

func (i *Issuer) mintWith(key keyring.Key, now time.Time, service Service, c Claims) (Token, Claims, error) {
	var err error
	c.Type = service.Profile.claimType()
	if err = c.mintable(now, key.LongestTTL()); err != nil {
		return "", Claims{}, fmt.Errorf("mint: %w", err)
	}
	minted, err := i.sign(key.Key, service.Profile, c)
	if err != nil {
		return "", Claims{}, fmt.Errorf("mint: %w", err)
	}
	if minted, err = service.encrypt(minted, now); err != nil {
		return "", Claims{}, fmt.Errorf("mint: %w", err)
	}
	if len(minted) > i.maxSize() {
		return "", Claims{}, fmt.Errorf("mint: %w", c.tooLarge(len(minted), i.maxSize()))
	}
	return minted, c, nil
}

func (i *Issuer) maxSize() int { return cmp.Or(i.policy.MaxSize, defaultMaxSize) }

func (i *Issuer) sign(key jose.Key, p Profile, c Claims) (Token, error) {
	var payload, compact [1536]byte
	b := append(append(compact[:0], i.headerFor(key, p)...), '.')
	b = base64.RawURLEncoding.AppendEncode(b, c.append(payload[:0]))
	if len(b) > i.maxSize() {
		return "", c.tooLarge(len(b), i.maxSize())
	}
	var buffer [64]byte
	signature, err := key.AppendSign(buffer[:0], b)
	if err != nil {
		return "", err
	}
	if last := i.signed.Load(); last == nil || last.kid != key.Kid() {
		i.signed.Store(&signedKey{key.Kid(), base64.RawURLEncoding.EncodedLen(len(signature))})
	}
	return Token(base64.RawURLEncoding.AppendEncode(append(b, '.'), signature)), nil
}

// rehearse returns the error that mintWith would return. It signs only if the result
// depends on the signature: an encrypted token contains the signature, and a key that
// has never signed may be unable to.
func (i *Issuer) rehearse(key keyring.Key, now time.Time, service Service, c Claims) error {
	last := i.signed.Load()
	if service.EncryptTo != nil || last == nil || last.kid != key.Kid() {
		_, _, err := i.mintWith(key, now, service, c)
		return err
	}
	c.Type = service.Profile.claimType()
	if err := c.mintable(now, key.LongestTTL()); err != nil {
		return fmt.Errorf("mint: %w", err)
	}
	var payload [1536]byte
	size := len(i.headerFor(key.Key, service.Profile)) + base64.RawURLEncoding.EncodedLen(len(c.append(payload[:0]))) + len("..") + last.size
	if size > i.maxSize() {
		return fmt.Errorf("mint: %w", c.tooLarge(size, i.maxSize()))
	}
	return nil
}

// tooLarge names the claim that takes the most room.
func (c Claims) tooLarge(size, limit int) error {
	object, err := strictjson.Parse(c.append(nil))
	if err != nil {
		return err
	}
	largest := slices.MaxFunc(object, func(a, b strictjson.Member) int { return cmp.Compare(len(a.Value), len(b.Value)) })
	return fmt.Errorf("%w of %d bytes, %d allowed; the largest claim is %s with %d",
		ErrTooLarge, size, limit, largest.Name, len(largest.Value))
}

// maxCorrection is how much earlier a token may expire because the clock of this
// process is ahead of the shared clock. It is bounded, so that a wrong shared clock
// does not make every new token an expired one.
const maxCorrection = 30 * time.Second

// complete sets the claims that the issuer decides. If the shared clock is slower than
// now, it dates the token, because verifiers trust the "iat".
func (i *Issuer) complete(now time.Time, c Claims) Claims {
	dated := now
	if i.policy.Latest != nil {
		dated = earlier(now, i.policy.Latest())
	}
	at := dated.UTC().Truncate(time.Second)
	c.Issuer, c.IssuedAt, c.NotBefore, c.ID = i.policy.Issuer, at, at.Add(-clockSkew), newID()
	if len(c.Audience) == 0 {
		c.Audience = []string{i.policy.Audience}
	}
	if c.ExpiresAt.IsZero() {
		c.ExpiresAt = now.Add(i.policy.TTL)
	}
	c.ExpiresAt = c.ExpiresAt.Add(-min(now.Sub(dated), maxCorrection)).UTC().Truncate(time.Second)
	if !c.AuthTime.IsZero() {
		c.AuthTime = earlier(c.AuthTime, dated).UTC().Truncate(time.Second)
	}
	return c
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// newID returns 128 random bits as base64url.
func newID() string {
	var id [16]byte
	rand.Read(id[:]) // never fails
	return jose.Encode(id[:])
}

// mintable rejects claims that must not be in a token. A token that lives longer than
// its key is published would be rejected early.
func (c Claims) mintable(now time.Time, longest time.Duration) error {
	ttl := min(c.ExpiresAt.Sub(c.IssuedAt), c.ExpiresAt.Sub(now)+maxCorrection)
	switch {
	case c.Subject == "":
		return fmt.Errorf("%w: no subject", ErrClaims)
	case ttl <= 0:
		return fmt.Errorf("%w: exp is in the past", ErrClaims)
	case ttl > longest:
		return fmt.Errorf("%w: the token would live longer than its key is published", ErrClaims)
	case c.Revision < 0:
		return fmt.Errorf("%w: the revision is negative", ErrClaims)
	}
	for _, texts := range [][]string{{c.Subject, c.ClientID, c.SessionID, c.Root, c.Scope, c.ACR, c.CSRF}, c.Audience, c.AMR} {
		for _, text := range texts {
			// Writing replaces invalid UTF-8: the token would then name another subject.
			if !utf8.ValidString(text) {
				return fmt.Errorf("%w: it is not valid UTF-8", ErrClaims)
			}
		}
	}
	return nil
}

// headerFor returns the encoded header for a key.
func (i *Issuer) headerFor(key jose.Key, p Profile) string {
	kept := &i.accessHeader
	if p.typ() != AccessToken.typ() {
		kept = &i.plainHeader
	}
	if h := kept.Load(); h != nil && h.kid == key.Kid() {
		return h.encoded
	}
	w := writer{b: []byte{'{'}}
	w.text("alg", string(key.Algorithm()))
	w.text("kid", key.Kid())
	w.text("typ", p.typ())
	h := &mintHeader{kid: key.Kid(), encoded: jose.Encode(append(w.b, '}'))}
	kept.Store(h)
	return h.encoded
}
