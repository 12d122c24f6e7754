package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/token"
)

// asked is a token of a request, with what is known about it.
type asked struct {
	access  token.Claims
	kid     string
	session session.Session
	refresh bool
	// spent reports that the refresh token has a successor. It is not active, but
	// revoking it still ends its session.
	spent bool
}

// client returns the id of the client that the token was issued to.
func (a asked) client() string {
	if a.refresh {
		return a.session.ClientID
	}
	return a.access.ClientID
}

// errEncrypted reports an encrypted access token. Only its service can read it, so
// Portaria can neither revoke it nor report whether it is active. A response of 200
// would claim that it did (RFC 7009 §2.2.1).
var errEncrypted = &api.OAuthError{
	Code: "unsupported_token_type",
	Description: "The token is encrypted, and only its service can read it. Send the refresh token, or the signed token inside. " +
		"A client with the scope revocation:write can also revoke the session or the jti.",
}

// ask reads a token. An invalid or ended token is not known. Errors: errEncrypted,
// token.ErrUndecided and those of the store.
func (o oauth) ask(ctx context.Context, raw string, now time.Time) (a asked, known bool, err error) {
	if token.Encrypted(raw) {
		return asked{}, false, errEncrypted
	}
	if a.access, a.kid, err = o.Tokens.Access.Read(ctx, raw, now); err == nil {
		return a, true, nil
	}
	if errors.Is(err, token.ErrUndecided) {
		return asked{}, false, err
	}
	a.session, a.spent, err = o.Tokens.Refresh.Look(ctx, session.Token(raw), now)
	for _, bad := range []error{session.ErrTokenInvalid, session.ErrEnded, session.ErrExpired} {
		if errors.Is(err, bad) {
			return asked{}, false, nil
		}
	}
	a.refresh = true
	return a, err == nil, err
}

// revokeToken revokes one token (RFC 7009). It answers 200 also for unknown tokens,
// which are not valid anyway.
func (o oauth) revokeToken(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	if err := formOf(r).only(aboutToken()...); err != nil {
		return err
	}
	raw := formOf(r).get("token")
	if raw == "" {
		return invalidRequest("token is missing.")
	}
	a, known, err := o.ask(r.Context(), raw, c.Use.At)
	if err != nil {
		return err
	}
	if !known {
		err = c.Proof.Spend(r.Context())
	}
	if err != nil {
		return err
	}
	if known {
		if err := o.revoke(r.Context(), c, a); err != nil {
			return err
		}
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// revoke ends the session of a refresh token. For an access token it revokes only
// that token, because the client may still use its refresh token.
func (o oauth) revoke(ctx context.Context, c access.Caller, a asked) error {
	if a.client() != c.Client.ID && !slices.Contains(c.Client.Scopes, api.RevocationWriteScope) {
		return &api.OAuthError{Code: "unauthorized_client", Description: "The token was issued to another client."}
	}
	if err := c.Proof.Spend(ctx); err != nil {
		return err
	}
	if a.refresh {
		_, err := o.Sessions.EndSession(ctx, session.End{ID: a.session.ID, Reason: session.ReasonSignedOut, At: c.Use.At})
		return err
	}
	_, err := o.Rules.Write(ctx, revoke.Entry{
		Kind: rule.Token, Value: a.access.ID, Mode: rule.Hard, At: c.Use.At.Truncate(time.Millisecond), Client: c.Client.ID,
	})
	return err
}

// introspect reports whether a token is active (RFC 7662). It applies every rule that
// is in the database.
func (o oauth) introspect(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	if c.Client.Public() {
		// Anybody can send its name.
		return fmt.Errorf("%w: client %s is public", clients.ErrNotProved, c.Client.ID)
	}
	if err := formOf(r).only(aboutToken()...); err != nil {
		return err
	}
	raw := formOf(r).get("token")
	if raw == "" {
		return invalidRequest("token is missing.")
	}
	a, known, err := o.ask(r.Context(), raw, c.Use.At)
	if err == nil && known && !a.refresh {
		known, err = o.good(r.Context(), a, c.Use.At)
	}
	if err == nil {
		err = c.Proof.Spend(r.Context())
	}
	switch {
	case err != nil:
		return err
	case !known || a.spent || !o.mayKnow(c.Client, a):
		return endpoint.Respond(w, http.StatusOK, api.Introspection{})
	case a.refresh:
		return endpoint.Respond(w, http.StatusOK, refreshOf(o.Issuer, a.session))
	}
	return endpoint.Respond(w, http.StatusOK, accessOf(a.access))
}

// mayKnow reports whether a client may learn about a token (RFC 7662 §4). A client may
// learn about tokens that were issued to it, and about access tokens for which it is
// the audience. With the scope introspection it may learn about every access token. No
// scope allows it to learn about refresh tokens of other clients.
func (o oauth) mayKnow(c clients.Client, a asked) bool {
	if a.client() == c.ID {
		return true
	}
	return !a.refresh && (slices.Contains(a.access.Audience, c.ID) || slices.Contains(c.Scopes, api.IntrospectionScope))
}

// good reports whether an access token is active: no rule revokes it, and its session
// or client is still valid.
func (o oauth) good(ctx context.Context, a asked, now time.Time) (bool, error) {
	if current, err := o.Gate.Current(ctx, a.rules()); err != nil || !current {
		return false, err
	}
	err := error(nil)
	if a.access.SessionID != "" {
		_, _, err = o.Gate.Living(ctx, a.access.SessionID, now)
	} else if a.access.ClientID != issue.OperatorClientID {
		_, err = o.Gate.Clients.Usable(ctx, a.access.ClientID)
	}
	for _, over := range []error{session.ErrEnded, session.ErrExpired, clients.ErrNotAllowed} {
		if errors.Is(err, over) {
			return false, nil
		}
	}
	return err == nil, err
}

func (a asked) rules() revoke.Claims {
	c := a.access
	return revoke.Claims{ID: c.ID, Session: c.SessionID, Root: c.Root, Account: c.Subject, Client: c.ClientID, Key: a.kid,
		Issuer: c.Issuer, Revision: c.Revision}
}

func accessOf(c token.Claims) api.Introspection {
	return api.Introspection{
		Active:    true,
		TokenType: "access_token",
		Issuer:    c.Issuer,
		Subject:   c.Subject,
		Audience:  c.Audience,
		ClientID:  c.ClientID,
		Scope:     c.Scope,
		SessionID: c.SessionID,
		Root:      c.Root,
		ID:        c.ID,
		IssuedAt:  unix(c.IssuedAt),
		NotBefore: unix(c.NotBefore),
		ExpiresAt: unix(c.ExpiresAt),
		AuthTime:  unix(c.AuthTime),
		AMR:       c.AMR,
		ACR:       c.ACR,
		Revision:  c.Revision,
	}
}

func refreshOf(issuer string, s session.Session) api.Introspection {
	return api.Introspection{
		Active:    true,
		TokenType: "refresh_token",
		Issuer:    issuer,
		Subject:   s.AccountID,
		ClientID:  s.ClientID,
		SessionID: s.ID,
		Root:      s.Parent,
		IssuedAt:  unix(s.UsedAt),
		ExpiresAt: unix(s.ExpiresAt),
		AuthTime:  unix(s.AuthTime()),
		AMR:       s.Proofs.AMR(),
		ACR:       s.Proofs.ACR(),
	}
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
