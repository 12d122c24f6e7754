package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/verify/internal/payload"
	"github.com/portaria/portaria/verify/internal/rules"
)

// renew notes that all rules are known that there were at t0 + age: t0 is when
// this side began to dial, and age how much later the issuer looked at its log,
// by the issuer's clock. So a message counts from when it was made, however long
// it was on its way; it is never counted from when it arrived. It reports
// whether the view is newer than before.
func (f *follower) renew(t0 int64, hb api.FeedHeartbeat) (newer bool, err error) {
	now := f.moment(f.v.now())
	if hb.Age > now.mono-t0+maxAhead {
		if now.mono != t0 { // a clock that never moves is that of a test
			f.distrust()
		}
		return false, errClock
	}
	if hb.Wall > maxWall {
		return false, errFrame
	}
	at := min(t0+max(hb.Age, -1<<40), now.mono)
	f.issuer.prove(now, at, hb.Wall)
	old := f.asOf.Load()
	if old != nil && old.mono > at && !old.doubted {
		return false, nil
	}
	f.asOf.Store(&asOf{moments: moments{at, now.wall - (now.mono - at)}})
	f.asking.current(at)
	if old == nil {
		f.tell() // that it is there
	}
	if f.hasKeys.Load() {
		f.v.keys.Confirm(f.v.now())
	}
	if relay := f.relay.Load(); relay != nil {
		relay.Beat()
	}
	f.gate.open()
	return old == nil || old.doubted || at > old.mono, nil
}

// distrust gives up what the view and the issuer's clock were known to be as of,
// because the clocks of this machine do not tell how long ago that was. Rules
// stay known. Only the follower calls it.
func (f *follower) distrust() {
	f.doubted.Store(f.mono(f.v.now()))
	if at := f.asOf.Load(); at != nil {
		f.asOf.Store(&asOf{at.moments, true})
	}
	f.issuer.forget()
}

// suspect distrusts the view if the clocks have moved apart since it was
// renewed.
func (f *follower) suspect() {
	if at := f.asOf.Load(); at != nil && f.moment(f.v.now()).jumped(at.moments) {
		f.distrust()
	}
}

// fresh tells whether the view is young enough to be trusted.
func (f *follower) fresh(now time.Time) bool { return f.trusts(f.asOf.Load(), now) }

// trusts tells whether a view is young enough.
func (f *follower) trusts(at *asOf, now time.Time) bool {
	return at != nil && !at.doubted && f.recent(at.moments, now)
}

// recent tells whether a moment is within the bound.
func (f *follower) recent(at moments, now time.Time) bool {
	return f.moment(now).since(at) <= f.config.Staleness.Milliseconds()
}

// health is that of the follower.
func (f *follower) health(now time.Time) error {
	if f.absent.Load() || f.fresh(now) {
		return nil
	}
	if why := f.failure.Load(); why != nil {
		return fmt.Errorf("%w: %w", ErrStale, *why)
	}
	return fmt.Errorf("%w: %w", ErrStale, errNoFeed)
}

// request is what a token came with.
type request struct {
	token string
	now   time.Time
	open  bool
}

// admit decides about a token whose signature and claims are good: what is
// known to be revoked is refused; what nobody can have revoked since is
// accepted; and about the rest somebody must be asked.
func (f *follower) admit(ctx context.Context, r *record, q request) error {
	if f.absent.Load() {
		return nil
	}
	if decided, err := f.decide(r, q); decided {
		return err
	}
	return f.stale(ctx, r, q)
}

// decide decides about a token by what is known here, if that is enough. It
// reads as of when the view is first, and the rules afterwards: rules that are
// newer than the view's age do no harm. The other way round, an old view could
// be vouched for by an age that came with newer rules.
func (f *follower) decide(r *record, q request) (decided bool, err error) {
	at := f.asOf.Load()
	if f.between != nil {
		f.between()
	}
	if err := f.standing(r); err != nil {
		return true, err
	}
	if f.asking.refused(r, at) {
		return true, errSaidNo
	}
	return f.trusts(at, q.now) || f.young(r, q.now), nil
}

// standing looks a token up among the rules, unless they are the same as the
// last time. Whatever is found is not remembered: the answer would be the same.
func (f *follower) standing(r *record) error {
	epoch := f.v.epoch.Load() // before the rules: they may be newer, never older
	if r.epoch.Load() == epoch {
		return nil
	}
	salt := f.salt.Load()
	if salt == nil {
		return nil
	}
	standing := rules.Standing{Revision: r.revision, IssuedAt: r.dates[payload.IssuedAt] / 1000}
	switch f.rules.Table().Check(r.keys(salt), salt.issuer, standing) {
	case rules.Revoked:
		return ErrRevoked
	case rules.Soft:
		return ErrOutdated
	}
	r.epoch.Store(epoch)
	return nil
}

// keys are what to look a token up with.
func (r *record) keys(s *salt) *rules.Keys {
	if k := r.marks.Load(); k != nil {
		return k
	}
	c, k := Claims{r}, &rules.Keys{}
	mark := func(at int, kind rule.Kind, value string) {
		if value != "" {
			k[at] = rules.KeyOf(rule.Hash(s.bytes, kind, c.Issuer(), value))
		}
	}
	mark(rules.Token, rule.Token, c.ID())
	mark(rules.Session, rule.Session, c.SessionID())
	mark(rules.Root, rule.Session, c.Root())
	mark(rules.Account, rule.Account, c.Subject())
	mark(rules.Client, rule.Client, c.ClientID())
	if c.ClientID() != "" {
		mark(rules.AccountAtClient, rule.AccountAtClient, rule.Pair(c.Subject(), c.ClientID()))
	}
	mark(rules.SigningKey, rule.Key, r.key.Kid())
	r.marks.Store(k)
	return k
}

// young tells whether a token proves by itself that nobody has revoked it
// longer ago than the bound: it did not exist. Its "iat" is the time of another
// machine. So it is compared with the latest time that the issuer can have by
// now; when that is not proved, no token is young. One from the future proves
// nothing but that the clocks cannot be believed.
func (f *follower) young(r *record, now time.Time) bool {
	latest, proved := f.issuer.latest(f.moment(now))
	age := latest - r.dates[payload.IssuedAt]
	return proved && 0 <= age && age <= f.config.Staleness.Milliseconds()
}

// stale decides about a token when the view is too old to. It asks the issuer
// if it is told to, and waits a little for the follower otherwise: requests that
// only come back at once would take the processor from it.
func (f *follower) stale(ctx context.Context, r *record, q request) error {
	err := error(ErrStale)
	if f.config.WhenStale == Introspect {
		if err = f.introspect(ctx, r, q); err == nil || isInvalid(err) {
			return err
		}
	}
	if q.open {
		f.v.counts.opened.Add(1)
		return nil
	}
	if introspected := !errors.Is(err, errNotAsked) && err != ErrStale; introspected {
		return err // it has waited for the answer
	}
	if f.gate.wait(ctx) {
		q.now = f.v.now()
		if decided, verdict := f.decide(r, q); decided {
			return verdict
		}
	}
	return err
}
