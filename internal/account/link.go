package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Limits of links.
const (
	// MaxLinks is the greatest number of links of one account.
	MaxLinks = 16
	// MaxLinkIssuer is the greatest length of Link.Issuer, in bytes.
	MaxLinkIssuer = 512
	// MaxLinkSubject is the greatest length of Link.Subject, in bytes (OpenID Connect
	// Core, section 2).
	MaxLinkSubject = 255
)

var (
	// ErrLink reports that a link cannot be stored as it is, or that the account has
	// MaxLinks already.
	ErrLink = errors.New("link invalid")
	// ErrLinkTaken reports that the subject is linked already, to this account or to
	// another one.
	ErrLinkTaken = errors.New("subject linked already")
)

// Link says that a subject of another identity provider signs in to an account.
// Issuer and Subject are compared byte by byte.
type Link struct {
	// Issuer is the URL of the identity provider (claim iss).
	Issuer string
	// Subject is the person's id there (claim sub).
	Subject   string
	AccountID string
	CreatedAt time.Time
}

// Validate returns ErrLink for a link that no store accepts.
func (l Link) Validate() error {
	odd := func(r rune) bool { return r < ' ' || r > '~' }
	for _, part := range []struct {
		name, text string
		most       int
	}{{"issuer", l.Issuer, MaxLinkIssuer}, {"subject", l.Subject, MaxLinkSubject}} {
		if part.text == "" || len(part.text) > part.most || strings.ContainsFunc(part.text, odd) {
			return fmt.Errorf("%w: %s must be 1 to %d characters of printable ASCII", ErrLink, part.name, part.most)
		}
	}
	return nil
}

// LinkStore keeps the links of accounts. A link is a way to sign in: every change
// raises the account's CredentialsVersion in the same step. A change returns
// ErrChanged unless version is the current one and the account is enabled.
type LinkStore interface {
	// AccountByLink returns the account that a subject is linked to; ErrNotFound.
	AccountByLink(ctx context.Context, issuer, subject string) (Account, error)
	// Links returns those of an account, oldest first.
	Links(ctx context.Context, accountID string) ([]Link, error)
	// AddLink adds one; ErrLink and ErrLinkTaken.
	AddLink(ctx context.Context, version int64, l Link) error
	// RemoveLink removes one; ErrNotFound if the account does not have it.
	RemoveLink(ctx context.Context, version int64, l Link, now time.Time) error
}
