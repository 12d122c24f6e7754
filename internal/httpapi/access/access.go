package access

import (
	"net/http"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
)

// Who says who may call a route. The zero value is no one: a route with it cannot
// be mounted.
type Who int

const (
	noOne Who = iota
	// Anyone needs no token.
	Anyone
	// AnyoneThrough needs no token either, but may name a registered
	// application, which then authenticates with HTTP Basic unless it is
	// public: see [Gate.Application].
	AnyoneThrough
	// SignedIn needs an access token of a live session.
	SignedIn
	// Leaving is SignedIn, or a caller that has only a refresh token, in the body or
	// in a cookie. The handler reads the body and checks the caller.
	Leaving
	// Admin needs an access token with the scope for administrators.
	Admin
	// EventsRead needs a client with that scope; the scope for administrators
	// is enough.
	EventsRead
	// RevocationRead and RevocationWrite need a client with that scope; the
	// scope for administrators is enough.
	RevocationRead
	RevocationWrite
)

// scope is the scope that the token or the client needs; empty where none is needed.
func (w Who) scope() string {
	switch w {
	case Admin:
		return api.AdminScope
	case EventsRead:
		return api.EventsReadScope
	case RevocationRead:
		return api.RevocationReadScope
	case RevocationWrite:
		return api.RevocationWriteScope
	}
	return ""
}

// byClient reports whether services may send their secret instead of an access
// token.
func (w Who) byClient() bool {
	return w == RevocationRead || w == RevocationWrite || w == EventsRead
}

// May returns the access of a route; nil for no one.
func (g *Gate) May(w Who) endpoint.Access[Caller] {
	if w == noOne {
		return nil
	}
	return access{g, w}
}

// access admits the callers of a route.
type access struct {
	gate *Gate
	who  Who
}

// Admit implements [endpoint.Access].
func (a access) Admit(r *http.Request) (Caller, error) { return a.gate.caller(r, a.who) }

// The security schemes of the OpenAPI document.
const (
	BearerScheme = "accessToken"
	CookieScheme = "accessCookie"
	// ClientScheme is the one for registered clients.
	ClientScheme = "client"
)

// Security implements [endpoint.Access].
func (a access) Security() []map[string][]string {
	switch a.who {
	case Anyone:
		return nil
	case AnyoneThrough:
		return ByClient()
	}
	if a.who.byClient() {
		return []map[string][]string{{BearerScheme: a.who.scopes()}, {ClientScheme: {}}}
	}
	return []map[string][]string{{BearerScheme: a.who.scopes()}, {CookieScheme: []string{}}}
}

// ByClient is the security of a route that registered clients call. The form is
// another way to authenticate a client; OpenAPI cannot describe it.
func ByClient() []map[string][]string { return []map[string][]string{{}, {ClientScheme: {}}} }

func (w Who) scopes() []string {
	if scope := w.scope(); scope != "" {
		return []string{scope}
	}
	return []string{}
}
