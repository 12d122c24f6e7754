// Package feed has the routes of the revocation log: writing rules, the feed that
// verifiers follow, and receipts.
package feed

import (
	"context"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/feed"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/fleet"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/serve"
	"github.com/portaria/portaria/internal/session"
)

// Deps is what the routes need. Every field is required, unless it says otherwise.
type Deps struct {
	Gate *access.Gate
	Log  Log
	// Fleet knows which verifiers follow the log.
	Fleet   *fleet.Fleet
	Keys    Keys
	Origin  Origin
	Targets Targets
}

// Log follows the revocation log, and writes it.
type Log struct {
	*revoke.Hub
	Store revoke.Store
}

// Write writes a rule, and returns when this process applies it.
func (l Log) Write(ctx context.Context, e revoke.Entry) (rule.Rule, error) {
	written, err := l.Store.Write(ctx, e)
	if err != nil {
		return rule.Rule{}, err
	}
	return written, l.Look(ctx)
}

// Keys are the published keys, which the feed sends along.
type Keys struct {
	// Set returns the key set published at a moment.
	Set func(now time.Time) keyring.KeySet
	// Changed rings when there is another key set.
	Changed *Bell
}

// Origin describes the issuer to followers.
type Origin struct {
	Issuer string
	// Proofs are what followers send when they reconnect.
	Proofs revoke.Proofs
	// IssuedBy is an upper bound of the "iat" that any process on this
	// database wrote up to a moment. Nil proves none to followers.
	IssuedBy func(asOf time.Time) time.Time
}

// Targets finds what a rule is about.
type Targets struct {
	Sessions session.Store
	Accounts account.Store
	Clients  clients.Store
	// Key reports whether there is a signing key of this kid, in any state.
	Key func(ctx context.Context, kid string) (bool, error)
}

type server struct {
	Deps
	frames  frames
	service *feed.Service[*revoke.Batch]
}

// Routes returns the routes.
func Routes(d Deps) []endpoint.Route[access.Caller] {
	f := &server{Deps: d, frames: frames{d.Origin.Issuer, d.Log.View().Salt, d.Origin.Proofs}}
	f.service = &feed.Service[*revoke.Batch]{Source: source{f}, Now: time.Now, Stopping: func(ctx context.Context) (<-chan struct{}, time.Duration) {
		return serve.Stopping(ctx), serve.Grace(ctx)
	}}
	may, at := d.Gate.May, endpoint.At[access.Caller]
	return []endpoint.Route[access.Caller]{
		at("POST /rev/v1/rules", may(access.RevocationWrite), endpoint.Create(f.revoke), "Revoke tokens; returns the receipt."),
		at("GET /rev/v1/rules/{seq}", may(access.RevocationWrite), endpoint.Call(f.showReceipt), "Show which verifiers have applied a rule."),
		at("GET /rev/v1/snapshot", may(access.RevocationRead), endpoint.Plain(f.snapshot), "Return all live rules (application/x-ndjson)."),
		at("GET /rev/v1/feed", may(access.RevocationRead), endpoint.Plain(f.feed), "Stream the rules after a position (text/event-stream)."),
		at("POST /rev/v1/poll", may(access.RevocationRead), endpoint.Call(f.poll), "Return the rules after a position, for verifiers behind proxies that buffer streams."),
		at("POST /rev/v1/ack", may(access.RevocationRead), endpoint.Call(f.acked), "Acknowledge the position that a verifier has applied."),
		at("POST /v1/admin/revocation/new-epoch", may(access.Admin), endpoint.Call(f.newEpoch), "Start a new epoch of the revocation log. Run once after restoring a backup."),
		at("GET /v1/admin/verifiers", may(access.Admin), endpoint.Call(f.listVerifiers), "List the verifiers that follow the revocation log, and how far behind they are."),
	}
}
