package httpapi

import (
	"net/http"

	"github.com/portaria/portaria/internal/endpoint"
)

// access admits the callers of a route.
type access struct {
	server *Server
	who    who
}

// may returns the access of a route; nil for noOne.
func (s *Server) may(w who) endpoint.Access[Caller] {
	if w == noOne {
		return nil
	}
	return access{s, w}
}

// Admit implements [endpoint.Access].
func (a access) Admit(r *http.Request) (Caller, error) { return a.server.caller(r, a.who) }

// Security implements [endpoint.Access]: it is who may call: each entry is one way. An empty one needs nothing.
func (a access) Security() []map[string][]string {
	switch a.who {
	case anyone:
		return nil
	case anyoneThrough, aClient:
		// The form is another way to prove a client, which the document has no
		// word for.
		return []map[string][]string{{}, {clientScheme: {}}}
	}
	if a.who.byClient() {
		return []map[string][]string{{bearerScheme: a.who.scopes()}, {clientScheme: {}}}
	}
	return []map[string][]string{{bearerScheme: a.who.scopes()}, {cookieScheme: []string{}}}
}

func (w who) scopes() []string {
	if scope := w.scope(); scope != "" {
		return []string{scope}
	}
	return []string{}
}
