package access

import (
	"cmp"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/serve"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/verify"
)

// Caller is who calls, and from where. Every handler gets it as a parameter, so
// that no handler can forget to check it.
type Caller struct {
	// Claims of the access token; zero for routes anyone may call.
	Claims verify.Claims
	// Session is the session of the token. It is zero for anyone, and for the
	// operator's own tokens, which belong to no session.
	Session session.Session
	// Owner is the account that Session belongs to.
	Owner account.Account
	// Client is the client that authenticated; Proof is what it sent for that.
	// Handlers spend the proof before they do what the request asks for.
	Client clients.Client
	Proof  *clients.Proof
	// Use is the time of the request and the device it came from.
	Use session.Use

	Browser Browser
	// InCookie reports that the caller's token came in a cookie.
	InCookie bool
	// shown is what an application of AnyoneThrough sent to authenticate.
	shown clients.Shown
}

// Origin says where the request came from, for the audit trail. Its actor is the id
// of an account or of a client, or event.Operator.
func (c Caller) Origin() event.Origin {
	return event.Origin{Actor: cmp.Or(c.Session.AccountID, c.Claims.Subject(), c.Client.ID), Address: c.Use.Address, UserAgent: c.Use.UserAgent,
		RequestID: serve.RequestID(c.Browser.Request.Context())}
}

// AccountID is the account that the caller's token names.
func (c Caller) AccountID() string {
	if c.Session.AccountID == "" && c.Claims.SessionID() != "" {
		return c.Claims.Subject()
	}
	return c.Session.AccountID
}

// SessionID is the session that the caller's token names.
func (c Caller) SessionID() string { return cmp.Or(c.Session.ID, c.Claims.SessionID()) }

// ClientID is the client that calls: the one that authenticated, or the one that
// the token was issued to.
func (c Caller) ClientID() string { return cmp.Or(c.Client.ID, c.Claims.ClientID()) }
