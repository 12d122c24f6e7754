package token

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/strictjson"
)

var (
	// ErrUnknown reports a text that is not a valid access token of this issuer. It does
	// not say why.
	ErrUnknown = errors.New("token: not a valid token of this issuer")
	// ErrUndecided reports a token with an unknown key. The store could not be read, so
	// another process may have created the key.
	ErrUndecided = errors.New("token: the key is unknown, and the key ring cannot be read now")
)

// Reader reads the issuer's own access tokens of every audience and profile, for
// revocation and introspection (RFC 7009, RFC 7662). It cannot read encrypted tokens,
// because only their service has the key. To authorise requests, use package verify,
// which checks the audience.
type Reader struct {
	ring   *keyring.Ring
	issuer string
}

// NewReader returns a reader of the tokens of one issuer.
func NewReader(ring *keyring.Ring, issuer string) *Reader { return &Reader{ring, issuer} }

// Read returns the claims of a token that is signed by a published key and not
// expired, and the key's kid. Errors are ErrUnknown and ErrUndecided.
func (r *Reader) Read(ctx context.Context, compact string, now time.Time) (c Claims, kid string, err error) {
	payload, kid, err := r.open(ctx, compact, now)
	if err == nil {
		c, err = readClaims(payload)
	}
	switch {
	case errors.Is(err, ErrUndecided):
		return Claims{}, "", err
	case err != nil:
		return Claims{}, "", fmt.Errorf("%w: %w", ErrUnknown, err)
	case c.Issuer != r.issuer || c.ID == "" || c.Subject == "" || !now.Before(c.ExpiresAt):
		return Claims{}, "", ErrUnknown
	}
	return c, kid, nil
}

// Audience returns the one audience of a token that is signed by a published key,
// expired or not. Errors are those of [Reader.Read].
func (r *Reader) Audience(ctx context.Context, compact string, now time.Time) (string, error) {
	payload, _, err := r.open(ctx, compact, now)
	switch {
	case errors.Is(err, ErrUndecided):
		return "", err
	case err != nil:
		return "", fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	c, err := readClaims(payload)
	if err != nil || c.Issuer != r.issuer || len(c.Audience) != 1 {
		return "", ErrUnknown
	}
	return c.Audience[0], nil
}

// Encrypted reports whether a text is an encrypted token (a JWE). A Reader does not
// know whether it is valid or one of the issuer's.
func Encrypted(compact string) bool {
	_, err := jose.ParseEncrypted(compact)
	return err == nil
}

// open checks the signature.
func (r *Reader) open(ctx context.Context, compact string, now time.Time) (payload []byte, kid string, err error) {
	parts, err := jose.Split(compact)
	if err != nil {
		return nil, "", err
	}
	header, err := jose.ParseHeader(parts.Header)
	if err != nil {
		return nil, "", err
	}
	if _, err := r.ring.Seek(ctx, header.Kid); err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrUndecided, err)
	}
	key, ok := r.ring.Find(header.Kid, now)
	if !ok || header.CarriesKey || header.Algorithm != key.Algorithm() {
		return nil, "", ErrUnknown
	}
	if err := parts.Verify(key.Key); err != nil {
		return nil, "", err
	}
	payload, err = jose.Decode(parts.Payload)
	return payload, header.Kid, err
}

// readClaims reads the claims that Mint writes and ignores others.
func readClaims(payload []byte) (c Claims, err error) {
	object, err := strictjson.Parse(payload)
	if err != nil {
		return Claims{}, err
	}
	for _, m := range object {
		if err := c.set(m); err != nil {
			return Claims{}, fmt.Errorf("read claim: %w", err)
		}
	}
	return c, nil
}

func (c *Claims) set(m strictjson.Member) (err error) {
	texts := map[string]*string{"iss": &c.Issuer, "sub": &c.Subject, "jti": &c.ID, "client_id": &c.ClientID,
		"sid": &c.SessionID, "root": &c.Root, "scope": &c.Scope, "acr": &c.ACR}
	dates := map[string]*time.Time{"iat": &c.IssuedAt, "nbf": &c.NotBefore, "exp": &c.ExpiresAt, "auth_time": &c.AuthTime}
	if text := texts[m.Name]; text != nil {
		*text, err = m.Value.Text()
		return err
	}
	if date := dates[m.Name]; date != nil {
		*date, err = m.Value.Date()
		return err
	}
	switch m.Name {
	case "aud":
		c.Audience, err = m.Value.TextOrTexts()
	case "amr":
		c.AMR, err = m.Value.Texts()
	case "rvs":
		c.Revision, err = m.Value.Int()
	case "fresh":
		c.Fresh, err = m.Value.Bool()
	}
	return err
}
