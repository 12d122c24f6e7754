package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/verify/internal/rules"
)

// moments is one moment, in milliseconds of the verifier's own time and of the
// clock on the wall. A machine that slept has only the second to tell it.
type moments struct{ mono, wall int64 }

// mono is a time on a clock that only goes forward, in milliseconds; at least
// 1. With a clock of a test it is that clock.
func (f *follower) mono(now time.Time) int64 { return now.Sub(f.began).Milliseconds() + 1 }

// maxAhead is how much older than this clock says a stream may be before the
// clock is not believed, in milliseconds.
const maxAhead = 1000

// renew notes that all rules are known that there were at t0 + age: t0 is when
// this side began to dial, and age how much later the issuer looked at its log,
// by the issuer's clock. So a message counts from when it was made, however long
// it was on its way; it is never counted from when it arrived.
func (f *follower) renew(t0, age int64) error {
	now := f.v.now()
	mono := f.mono(now)
	if age > mono-t0+maxAhead {
		return errClock
	}
	at := min(t0+max(age, -1<<40), mono)
	switch old := f.asOf.Load(); {
	case old == nil:
		f.tell() // that it is there
	case old.mono > at:
		return nil
	}
	f.asOf.Store(&moments{at, now.UnixMilli() - (mono - at)})
	if f.hasKeys.Load() {
		f.v.keys.extend(now.Add(f.config.MaxKeyAge))
	}
	if relay := f.relay.Load(); relay != nil {
		relay.Beat()
	}
	return nil
}

// fresh tells whether the view is young enough to be trusted.
func (f *follower) fresh(now time.Time) bool {
	at, bound := f.asOf.Load(), f.config.Staleness.Milliseconds()
	return at != nil && f.mono(now)-at.mono <= bound && now.UnixMilli()-at.wall <= bound
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
	if err := f.standing(r); err != nil {
		return err
	}
	if f.fresh(q.now) || f.young(r, q.now) {
		return nil
	}
	return f.stale(ctx, r, q)
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
	standing := rules.Standing{Revision: r.revision, IssuedAt: r.dates[issuedAt] / 1000}
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
	mark := func(at int, kind revoke.Kind, value string) {
		if value != "" {
			k[at] = rules.KeyOf(revoke.Hash(s.bytes, kind, c.Issuer(), value))
		}
	}
	mark(rules.Token, revoke.Token, c.ID())
	mark(rules.Session, revoke.Session, c.SessionID())
	mark(rules.Account, revoke.Account, c.Subject())
	mark(rules.Client, revoke.Client, c.ClientID())
	if c.ClientID() != "" {
		mark(rules.AccountAtClient, revoke.AccountAtClient, revoke.Pair(c.Subject(), c.ClientID()))
	}
	mark(rules.SigningKey, revoke.Key, r.key.Kid())
	r.marks.Store(k)
	return k
}

// young tells whether a token proves by itself that nobody has revoked it
// longer ago than the bound: it did not exist. One from the future proves
// nothing but that two clocks differ.
func (f *follower) young(r *record, now time.Time) bool {
	age := now.UnixMilli() - r.dates[issuedAt]
	return 0 <= age && age <= f.config.Staleness.Milliseconds()
}

// stale decides about a token when the view is too old to.
func (f *follower) stale(ctx context.Context, r *record, q request) error {
	err := error(ErrStale)
	if f.config.WhenStale == Introspect {
		if err = f.introspect(ctx, r, q); err == nil {
			return nil
		}
	}
	if q.open && !isInvalid(err) {
		f.v.counts.opened.Add(1)
		return nil
	}
	return err
}
