package app

import (
	"strings"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/httpapi"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/httpapi/admin"
	"github.com/portaria/portaria/internal/httpapi/feed"
	"github.com/portaria/portaria/internal/httpapi/oauth"
	"github.com/portaria/portaria/internal/httpapi/people"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/signin"
	"github.com/portaria/portaria/internal/token"
)

// domain holds the parts that build creates for the API.
type domain struct {
	issuer    string
	ring      *keyring.Ring
	chain     *session.Chain
	directory *clients.Directory
	issuing   *issue.Service
	people    *account.Directory
	guarding  signin.Guarding
	proofs    revoke.Proofs
}

// mount returns the dependencies of each part of the API.
func (a *App) mount(d domain) httpapi.Config {
	gate := a.gate(d)
	tokens := access.Tokens{Access: token.NewReader(d.ring, d.issuer), Refresh: d.chain}
	log := feed.Log{Hub: a.hub, Store: a.store}
	return httpapi.Config{
		Gate: gate,
		People: people.Deps{Gate: gate, SignIn: signin.New(d.people, d.issuing, a.store, d.guarding), Issuing: d.issuing, Accounts: d.people,
			Sessions: a.store, Tokens: tokens},
		OAuth: oauth.Deps{Gate: gate, Issuing: d.issuing, Sessions: a.store, Tokens: tokens, Rules: log, Issuer: d.issuer},
		Admin: admin.Deps{
			Gate:     gate,
			Accounts: admin.Accounts{Directory: d.people, Store: a.store, Guard: a.guard},
			Sessions: a.store,
			Clients:  admin.Clients{Directory: d.directory, Unknown: d.issuing.Unknown, Log: a.log},
			Events:   a.store,
			Webhooks: a.webhooks,
		},
		Feed: feed.Deps{
			Gate:    gate,
			Log:     log,
			Fleet:   a.fleet,
			Keys:    feed.Keys{Set: d.ring.KeySet, Changed: &a.keysChanged},
			Origin:  feed.Origin{Issuer: d.issuer, Proofs: d.proofs, IssuedBy: a.clock.latest},
			Targets: feed.Targets{Sessions: a.store, Accounts: a.store, Clients: a.store, Key: a.knownKey},
		},
		Public: httpapi.Public{Issuer: d.issuer, KeySet: d.ring.KeySet, KeySetMaxAge: a.config.KeySetMaxAge, Contact: a.config.SecurityContact},
		Health: httpapi.Health{Ready: a.readiness(), Panics: a.panics.Count},
		Log:    a.log,
	}
}

// gate returns the gate that admits the callers of every route.
func (a *App) gate(d domain) *access.Gate {
	endpoint := strings.TrimSuffix(d.issuer, "/") + oauth.TokenPath
	return &access.Gate{
		Verifier:   a.verifiers,
		Sessions:   a.store,
		Clients:    clients.NewProver(a.store, d.directory.Key, d.issuer, endpoint).WithKeys(a.generations(clientSecret)),
		Revocation: a.hub,
		Clock:      access.Clock{Now: a.now, Steady: a.store.Steady},
		Audit:      &access.Audit{Events: a.store, Chain: d.chain, Problems: httpapi.Problems(), Log: a.log},
	}
}
