package feed

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/portaria/portaria/internal/feed"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/fleet"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/serve"
)

// feed streams the revocation log (text/event-stream).
func (f *server) feed(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	who, err := feed.ParseFollower(r, time.Now())
	if err != nil {
		return err
	}
	who.Client = c.ClientID()
	m, leave, err := f.join(r.Context(), who)
	if err != nil {
		return err
	}
	defer leave()
	serve.Patient(r.Context())
	m.admit = func(ctx context.Context) error {
		_, err := f.Gate.May(access.RevocationRead).Admit(r.WithContext(ctx))
		return err
	}
	// From here on an error means that the follower has gone.
	_ = f.service.Stream(w, r, who, m)
	return nil
}

// join has a verifier follow the log.
func (f *server) join(ctx context.Context, who feed.Follower) (m *member, leave func(), err error) {
	leave, err = f.service.Seats.Take(who.Client)
	if err != nil {
		return nil, nil, err
	}
	v := fleet.Verifier{Client: who.Client, ID: who.Name, Seq: who.After, Staleness: who.Lease, WhenStale: who.WhenStale}
	if err := f.follow(ctx, v); err != nil {
		leave()
		return nil, nil, err
	}
	f.lookAgain(ctx, who.After, who.Proof)
	return &member{server: f, verifier: v, after: who.After, proved: f.Origin.Proofs.Seq(who.Proof), checked: who.Accepted, stayed: who.Accepted}, leave, nil
}

// lookAgain reads the log again when a follower knows more than the log: then the log was set
// back. The position that it proves is believed, and one that it only claims is not:
// a client that may only read must not write. In both cases the follower gets a reset.
func (f *server) lookAgain(ctx context.Context, after int64, proof string) {
	proved := f.Origin.Proofs.Seq(proof)
	if max(after, proved) <= f.Log.View().Head {
		return
	}
	err := f.Log.Ahead(ctx, proved)
	if err == nil && after > max(proved, f.Log.View().Head) {
		err = revoke.ErrPlace
	}
	if err != nil {
		f.Gate.Audit.Log.WarnContext(ctx, "position of a verifier is after the end of the revocation log",
			"error", err, "position", after, "head", f.Log.View().Head, "client", serve.ClientAddress(ctx))
	}
}

// member is one follower in the accounts of the fleet.
type member struct {
	server   *server
	verifier fleet.Verifier
	// after is the position that it claims, and proved the one that it proves.
	after, proved int64
	admit         func(context.Context) error // nil for a poll
	checked       time.Time                   // when its client was last admitted
	stayed        time.Time                   // when the fleet last heard of it
	doubted       bool                        // a rule has come that may be about its client
}

// Sends notes a rule that may be about the client of the follower.
func (m *member) Sends(b *revoke.Batch) {
	m.doubted = m.doubted || slices.ContainsFunc(b.Rules, m.concerns)
}

// Sent notes which part of the log the follower has. When it proves its position it
// has everything before as well.
func (m *member) Sent(from, to int64) {
	if from == m.after && m.after <= m.proved {
		from = 0
	}
	m.server.Fleet.Sent(m.verifier.Client, m.verifier.ID, fleet.Span{From: from, To: to})
}

// Stays keeps the follower from being forgotten.
func (m *member) Stays() error {
	if now := time.Now(); m.verifier.ID != "" && now.Sub(m.stayed) >= stayEvery {
		m.stayed = now
		m.server.Fleet.Stay(m.verifier)
	}
	return nil
}

const (
	// stayEvery is how often the fleet hears that a follower is there.
	stayEvery = 250 * time.Millisecond
	// checkEvery is how often the client of a stream is admitted again: it may be
	// disabled, lose its scope or its secret, and a token expires.
	checkEvery = 5 * time.Second
	// checkTime bounds how long that may hold up a heartbeat.
	checkTime = time.Second
)

// Recheck admits the client again from time to time, and at once when a rule has
// come that may be about it. While the store is not available, the next heartbeat
// tries again: a stream is not ended because of that.
func (m *member) Recheck(ctx context.Context) error {
	if !m.doubted && time.Since(m.checked) < checkEvery {
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, checkTime)
	defer stop()
	err := m.admit(ctx)
	if err == nil {
		m.checked, m.doubted = time.Now(), false
	} else if m.server.Gate.Audit.Problems.Of(err).Problem.Status >= http.StatusInternalServerError {
		return nil
	}
	return err
}

// concerns reports whether a rule may be about the client that follows.
func (m *member) concerns(r rule.Rule) bool {
	return r.Kind == rule.Client && r.Value == m.verifier.Client || r.Kind == rule.Issuer || r.Kind == rule.Key
}
