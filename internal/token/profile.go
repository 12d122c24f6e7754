package token

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/portaria/portaria/internal/jose"
)

// Profile is the form of access token that the verifiers of an audience expect. The
// empty Profile is [AccessToken].
type Profile string

const (
	// AccessToken has "typ": "at+jwt" (RFC 9068), which no other kind of token has. The
	// default.
	AccessToken Profile = "at+jwt"
	// PlainJWT has "typ": "JWT", for verifiers that reject everything else, for example
	// libjwt 1.10 and Dovecot.
	PlainJWT Profile = "jwt"
	// Flask is what flask-jwt-extended expects: "typ": "JWT" and the claims
	// type, fresh and csrf, with the identity in sub.
	Flask Profile = "flask"
)

// flaskAccess is the claim "type" of an access token in the profile Flask.
const flaskAccess = "access"

func (p Profile) known() bool {
	return p == "" || p == AccessToken || p == PlainJWT || p == Flask
}

// typ is the "typ" of the header.
func (p Profile) typ() string {
	if p == PlainJWT || p == Flask {
		return "JWT"
	}
	return "at+jwt"
}

// claimType is the claim "type", empty when there is none.
func (p Profile) claimType() string {
	if p == Flask {
		return flaskAccess
	}
	return ""
}

// KeySource returns the key to encrypt to at now. It is called for each token, so it
// must answer from memory. A source that fetches a key set does so in the background.
type KeySource interface {
	EncryptionKey(now time.Time) (jose.Key, error)
}

// fixedKey is a KeySource that never changes.
type fixedKey struct{ key jose.Key }

func (f fixedKey) EncryptionKey(time.Time) (jose.Key, error) { return f.key, nil }

// ParseEncryptionKey reads the public key of a service from a JWK or a key set: the
// first key that encrypts. A key without "alg" is used with the recommended algorithm
// of its kind. The legacy RSA-OAEP is used only if the key names it and no other key
// encrypts. A secret is rejected, because only the service may know what decrypts its
// tokens. Errors wrap [jose.ErrKey] or [jose.ErrJSON].
func ParseEncryptionKey(jwk []byte) (KeySource, error) {
	var once EncryptionKeys
	return once.Parse(string(jwk))
}

// EncryptionKeys is [ParseEncryptionKey] for keys that are used again and again: it
// caches parsed keys. The zero value is ready. Safe for concurrent use.
type EncryptionKeys struct{ sets jose.Memo }

// Parse is [ParseEncryptionKey].
func (k *EncryptionKeys) Parse(jwk string) (KeySource, error) {
	set, err := k.sets.Parse(jwk)
	if err != nil {
		return nil, fmt.Errorf("read encryption key: %w", err)
	}
	key, err := set.NamedEncryptionKey()
	if err != nil {
		return nil, fmt.Errorf("read encryption key: %w", err)
	}
	return fixedKey{key}, nil
}

// Service describes the tokens that the verifiers of one audience expect. The zero
// value is a signed access token, not encrypted.
type Service struct {
	Profile Profile
	// EncryptTo makes each token a nested JWE for this key; nil for none.
	EncryptTo KeySource
	// Encryption of the content. Default A256GCM.
	Encryption jose.Encryption
}

// ErrAudience reports an audience that the policy does not know.
var ErrAudience = errors.New("token: unknown audience")

// ErrNoEncryptionKey reports that tokens for the audience are encrypted and the key is
// not known yet.
var ErrNoEncryptionKey = errors.New("token: the encryption key of the audience is not known yet")

var (
	errProfile    = errors.New("profile: must be at+jwt, jwt or flask")
	errEncryption = errors.New("content encryption: unknown")
	errOwnService = errors.New("encryption: tokens for this service's own audience cannot be encrypted to another's key")
)

// validate returns the faults of the settings for an audience.
func (s Service) validate(own bool) error {
	var errs []error
	if !s.Profile.known() {
		errs = append(errs, errProfile)
	}
	if s.Encryption != "" && !slices.Contains(jose.Encryptions(), s.Encryption) {
		errs = append(errs, errEncryption)
	}
	if own && s.EncryptTo != nil {
		errs = append(errs, errOwnService)
	}
	return errors.Join(errs...)
}

// service returns the tokens that the verifiers of the audience expect. Several
// audiences of one token must expect the same profile. A token can be encrypted to
// only one audience.
func (p Policy) service(audience []string) (Service, error) {
	if len(p.Services) == 0 {
		return Service{}, nil
	}
	first := p.Services[audience[0]]
	for _, other := range audience[1:] {
		service := p.Services[other]
		if first.EncryptTo != nil || service.EncryptTo != nil {
			return Service{}, fmt.Errorf("%w: aud: an encrypted token has one audience", ErrClaims)
		}
		if first.Profile.typ() != service.Profile.typ() || first.Profile.claimType() != service.Profile.claimType() {
			return Service{}, fmt.Errorf("%w: aud: the audiences expect different profiles", ErrClaims)
		}
	}
	return first, nil
}

// encrypt encrypts a signed token if the service requires that.
func (s Service) encrypt(signed Token, now time.Time) (Token, error) {
	if s.EncryptTo == nil {
		return signed, nil
	}
	key, err := s.EncryptTo.EncryptionKey(now)
	if err != nil {
		return "", fmt.Errorf("find encryption key: %w", err)
	}
	nested, err := key.EncryptNested(signed.Reveal(), s.Encryption)
	return Token(nested), err
}
