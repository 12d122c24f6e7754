package clients

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/strictjson"
)

const (
	// MaxAssertionLife is how far ahead an assertion may expire: until then its
	// jti is remembered.
	MaxAssertionLife = 5 * time.Minute
	// assertionLeeway is how far a client's clock may be ahead of this one.
	assertionLeeway = 30 * time.Second
	// maxAssertionID is the greatest length of a jti in bytes.
	maxAssertionID = 255
)

var (
	errAssertionHeader   = errors.New("header is not that of a client assertion")
	errAssertionNoKey    = errors.New("client has no public key")
	errAssertionClient   = errors.New("iss and sub must both be the client_id")
	errAssertionAudience = errors.New("aud must be the issuer or the token endpoint, and nothing else")
	errAssertionTime     = errors.New("exp is required, in the future and at most five minutes ahead; iat and nbf in the past")
	errAssertionID       = errors.New("jti is required")
)

// assertion holds the claims of a client assertion (RFC 7523 §3).
type assertion struct {
	issuer, subject, id        string
	audience                   []string
	expires, issued, validFrom time.Time
}

// byAssertion authenticates a client by a JWT that it signed. Before the signature is
// verified, only the client's id is read, to find its key.
func (p *Prover) byAssertion(ctx context.Context, s Shown, now time.Time) (*Proof, error) {
	claimed, err := claimedClient(s)
	if err != nil {
		return nil, notProved(err)
	}
	c, err := Usable(ctx, p.store, claimed)
	if errors.Is(err, ErrNotAllowed) {
		return nil, notProved(errUnusable)
	}
	if err != nil {
		return nil, err
	}
	a, err := p.signed(c, s.Assertion.Reveal())
	if err == nil {
		err = a.check(c.ID, p.audiences, now)
	}
	if err != nil {
		return nil, notProved(fmt.Errorf("client %s: %w", c.ID, err))
	}
	// It is remembered for longer than it is good here, in case another process's
	// clock is slow.
	return &Proof{Client: c, use: func(ctx context.Context) error {
		return p.store.UseAssertion(ctx, c.ID, a.id, a.expires.Add(assertionLeeway))
	}}, nil
}

func notProved(reason error) error { return fmt.Errorf("%w: %w", ErrNotProved, reason) }

// claimedClient returns the client that an unverified assertion names.
func claimedClient(s Shown) (string, error) {
	parts, err := jose.Split(s.Assertion.Reveal())
	if err != nil {
		return "", err
	}
	payload, err := jose.Decode(parts.Payload)
	if err != nil {
		return "", err
	}
	a, err := parseAssertion(payload)
	if err != nil {
		return "", err
	}
	if s.ClientID != "" && s.ClientID != a.subject {
		return "", errAssertionClient
	}
	return a.subject, nil
}

// signed reads an assertion that verifies with the client's registered key, by
// that key's algorithm and no other.
func (p *Prover) signed(c Client, compact string) (assertion, error) {
	if c.PublicKey == "" {
		return assertion{}, errAssertionNoKey
	}
	keys, err := p.keys.Parse(c.PublicKey)
	if err != nil {
		return assertion{}, err
	}
	message, err := jose.Parse(compact)
	if err != nil {
		return assertion{}, err
	}
	// A secret registered by mistake is no public key. An access token, which
	// has another type, is no assertion.
	h := message.Header
	if h.Algorithm.Symmetric() || h.CarriesKey || h.ContentType != "" ||
		!slices.Contains([]string{"", "JWT", "client-authentication+jwt"}, h.Type) {
		return assertion{}, errAssertionHeader
	}
	payload, err := keys.Verify(message)
	if err != nil {
		return assertion{}, err
	}
	return parseAssertion(payload)
}

// parseAssertion reads claims by their exact names, none twice.
func parseAssertion(payload []byte) (a assertion, err error) {
	object, err := strictjson.Parse(payload)
	if err != nil {
		return assertion{}, err
	}
	for _, m := range object {
		switch m.Name {
		case "iss":
			a.issuer, err = m.Value.Text()
		case "sub":
			a.subject, err = m.Value.Text()
		case "aud":
			a.audience, err = m.Value.TextOrTexts()
		case "jti":
			a.id, err = m.Value.Text()
		case "exp":
			a.expires, err = m.Value.Date()
		case "iat":
			a.issued, err = m.Value.Date()
		case "nbf":
			a.validFrom, err = m.Value.Date()
		}
		if err != nil {
			return assertion{}, fmt.Errorf("read claim: %w", err)
		}
	}
	return a, nil
}

func (a assertion) check(clientID string, audiences []string, now time.Time) error {
	latest := now.Add(assertionLeeway)
	foreign := func(audience string) bool { return !slices.Contains(audiences, audience) }
	switch {
	case a.issuer != clientID || a.subject != clientID:
		return errAssertionClient
	// The other recipient of an assertion with two audiences could replay it here.
	case len(a.audience) == 0 || slices.ContainsFunc(a.audience, foreign):
		return errAssertionAudience
	case !now.Before(a.expires) || a.expires.After(latest.Add(MaxAssertionLife)):
		return errAssertionTime
	case a.issued.After(latest) || a.validFrom.After(latest):
		return errAssertionTime
	case a.id == "" || len(a.id) > maxAssertionID || !printable(a.id):
		return errAssertionID
	}
	return nil
}

// printable reports whether text is of ASCII without control characters.
func printable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}
