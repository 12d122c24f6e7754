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

// clockSkew is how far in the past a token begins to be valid: the clock of who
// verifies it may be behind by that much.
const clockSkew = 5 * time.Second

// defaultMaxSize is what a browser takes as one cookie, and what the proxies
// with the least room for a header take beside all else.
const defaultMaxSize = 4096

// Policy says what this issuer's access tokens are.
type Policy struct {
	// Issuer is the "iss" of every token: the public URL, not the listen
	// address. Required.
	Issuer string
	// Audience is the "aud" of every token that does not ask for another.
	// Required.
	Audience string
	// TTL is how long a token lives, in whole seconds. Required.
	TTL time.Duration
	// MaxSize is the greatest length of a token in bytes, at most
	// [jose.MaxToken]: one too large is answered 413 or 431 by somebody's
	// proxy, far from its cause. Default 4096.
	MaxSize int
	// Services holds what audiences expect other than an access token that is
	// signed and not encrypted.
	Services map[string]Service
	// Registered finds an audience that Services does not name: one that was
	// registered while the issuer runs. Its error wraps ErrAudience for one that
	// it does not know either. Nil knows none. It is asked for each token for
	// such an audience, and for no other.
	Registered func(ctx context.Context, audience string) (Service, error)
	// Latest is the time that no token may be dated after, whatever now is: a
	// time that the clock which all issuers share has reached. Nil for an issuer
	// that is alone.
	Latest func() time.Time
}

// Validate reports everything that is wrong with the policy.
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

// errSelf: services that accepted the issuer's own audience could use the tokens
// that they receive at the issuer's routes.
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

// Mint signs an access token, and encrypts it where its audience wants it so.
// It sets Issuer, IssuedAt, NotBefore, ID and Type, and where they are empty
// Audience and ExpiresAt, and returns the claims as they were signed. Subject is
// required. Errors wrap [ErrClaims], naming the claim at fault,
// [keyring.ErrNoActiveKey] or what the audience's key source says.
func (i *Issuer) Mint(now time.Time, c Claims) (Token, Claims, error) {
	c = i.complete(now, c)
	service, err := i.policy.service(c.Audience)
	if err != nil {
		return "", Claims{}, fmt.Errorf("mint: %w", err)
	}
	return i.mint(now, service, c)
}

// mint signs complete claims, and encrypts them where the service wants it so.
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

// rehearse returns the error that mintWith would return. It signs only where
// the signature can still decide: an encrypted token contains it, and a key that
// has not signed yet may be one that cannot.
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

// maxCorrection is how much earlier a token may expire because this process is
// ahead of the clock that the issuers share. If that clock is wrong by more, its
// tokens must not all be expired when they are made.
const maxCorrection = 30 * time.Second

// complete sets what the issuer decides. The dates are those of the shared clock
// if it is behind: a verifier takes a token for as young as its "iat" says.
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

// mintable refuses claims that no verifier should see. A token that outlived
// the publication of its key would be refused before its time.
func (c Claims) mintable(now time.Time, longest time.Duration) error {
	ttl := min(c.ExpiresAt.Sub(c.IssuedAt), c.ExpiresAt.Sub(now)+maxCorrection)
	switch {
	case c.Subject == "":
		return fmt.Errorf("%w: no subject", ErrClaims)
	case ttl <= 0:
		return fmt.Errorf("%w: expired at birth", ErrClaims)
	case ttl > longest:
		return fmt.Errorf("%w: lives longer than its key is published", ErrClaims)
	case c.Revision < 0:
		return fmt.Errorf("%w: negative revision", ErrClaims)
	}
	for _, texts := range [][]string{{c.Subject, c.ClientID, c.SessionID, c.Root, c.Scope, c.ACR, c.CSRF}, c.Audience, c.AMR} {
		for _, text := range texts {
			// Invalid UTF-8 would be replaced in writing: the token would
			// then speak of somebody else.
			if !utf8.ValidString(text) {
				return fmt.Errorf("%w: invalid UTF-8", ErrClaims)
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
