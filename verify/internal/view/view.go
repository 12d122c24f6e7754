// Package view is what a verifier knows of the revocation log: the rules, as of
// which moment they are known, and how far the issuer's clock can be ahead.
// Requests read it without waiting. One goroutine, the follower, writes it.
package view

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/verify/internal/refusal"
	"github.com/portaria/portaria/verify/internal/rules"
)

// Errors of the follower's writes. The view is then as it was.
var (
	ErrFrame    = errors.New("malformed frame of the feed")
	ErrEarlier  = errors.New("the feed ends before the position that this verifier knows")
	ErrOtherLog = errors.New("the feed has another salt than the log that this verifier knows")
	ErrClock    = errors.New("the clock of this machine stood still: the view is not trusted until the issuer renews it")
)

// ErrDenied reports a token that introspection has called inactive.
var ErrDenied = fmt.Errorf("%w: introspection says that it is not active", refusal.ErrRevoked)

// Config says whose log the view is of.
type Config struct {
	Issuer string
	// Staleness is how old the view may be to be trusted.
	Staleness time.Duration
	Now       func() time.Time
	Panics    *background.Panics
}

// View is safe for concurrent use by many readers and one writer. Make it with
// New.
type View struct {
	config  Config
	began   time.Time // see Mono
	watches *Watches
	denied  denials
	gate    gate

	salt     atomic.Pointer[salt] // nil before the log is known
	rules    *rules.Set
	position atomic.Int64         // how much of the log is known
	epoch    atomic.Uint32        // rises with each change of the rules
	asOf     atomic.Pointer[asOf] // readers load it before the rules; it is stored after them
	doubted  atomic.Int64         // when the clocks were last distrusted, see Mono
	issuer   issuerClock
	sizes    struct{ rules, bytes atomic.Int64 }
	between  func() // nil but in tests: called between the reads of asOf and rules
}

// New returns a view that knows nothing.
func New(c Config) *View {
	v := &View{config: c, began: c.Now(), rules: rules.NewSet(), gate: gate{panics: c.Panics}}
	v.watches = &Watches{view: v, panics: c.Panics}
	return v
}

// Watches returns the watches that rules of this view end.
func (v *View) Watches() *Watches { return v.watches }

// Position returns how much of the log is known.
func (v *View) Position() int64 { return v.position.Load() }

// Advance notes that the log is known up to a position. Only the writer calls it,
// after it has merged all rules up to there.
func (v *View) Advance(to int64) { v.position.Store(to) }

// Size returns how many rules are known and how much memory they take.
func (v *View) Size() (rules, bytes int64) { return v.sizes.rules.Load(), v.sizes.bytes.Load() }

// Age returns how old the view is, negative before it was renewed first.
func (v *View) Age(now time.Time) time.Duration {
	at := v.asOf.Load()
	if at == nil {
		return -1
	}
	return time.Duration(v.Mono(now)-at.mono) * time.Millisecond
}

// AsOf returns the moment as of which the rules are known, on this verifier's
// clock; false when it is not known.
func (v *View) AsOf() (time.Time, bool) {
	at := v.asOf.Load()
	if at == nil || at.doubted {
		return time.Time{}, false
	}
	return v.began.Add(time.Duration(at.mono-1) * time.Millisecond), true
}

// WallAsOf is AsOf on the wall clock, also while the clocks are distrusted.
func (v *View) WallAsOf() (time.Time, bool) {
	at := v.asOf.Load()
	if at == nil {
		return time.Time{}, false
	}
	return time.UnixMilli(at.wall), true
}

// IssuedBy returns the upper bound of the issuer's clock at an earlier moment;
// false when none is proved.
func (v *View) IssuedBy(asOf time.Time) (time.Time, bool) {
	now := v.config.Now()
	latest, proved := v.issuer.latest(v.Moment(now))
	return time.UnixMilli(latest).Add(-now.Sub(asOf)), proved
}

// Salt returns what goes into every hash of the log, nil before it is known.
func (v *View) Salt() []byte {
	if s := v.salt.Load(); s != nil {
		return s.bytes
	}
	return nil
}

// Rules yields all live rules.
func (v *View) Rules() iter.Seq[api.FeedRule] {
	return func(yield func(api.FeedRule) bool) {
		for r := range v.rules.Table().Rules {
			if !yield(r.Wire()) {
				return
			}
		}
	}
}

// Meet checks that a feed is of the log that is known, and does not end before
// the known position: positions would then mean other rules. The first call
// makes the log known.
func (v *View) Meet(hello api.FeedHello) error {
	grains, err := base64.RawURLEncoding.DecodeString(hello.Salt)
	known := v.salt.Load()
	far := plausible(v.Position(), hello.Head)
	switch {
	case err != nil || len(grains) == 0 || len(grains) > 64:
		return ErrFrame
	case hello.Head < v.Position():
		return ErrEarlier
	case far != nil:
		return far
	case known == nil:
		v.salt.Store(newSalt(grains, v.config.Issuer))
		v.epoch.Add(1)
		v.watches.index()
	case !bytes.Equal(known.bytes, grains):
		// The known rules would be of no use, and rules are never dropped early.
		return ErrOtherLog
	}
	return nil
}

// Merge adds rules, which count from then on, and ends the watches that they
// concern.
func (v *View) Merge(batch []rules.Rule) error {
	if len(batch) == 0 {
		return nil
	}
	if err := v.rules.Merge(batch, v.config.Now().Unix()); err != nil {
		return err
	}
	v.measure()
	v.epoch.Add(1)
	v.watches.hit(batch)
	return nil
}

// Sweep drops rules that can refuse no token any more.
func (v *View) Sweep(now time.Time) {
	v.rules.Sweep(now.Unix())
	v.measure()
}

func (v *View) measure() {
	v.sizes.rules.Store(int64(v.rules.Len()))
	v.sizes.bytes.Store(int64(v.rules.Size()))
}

// Renewal is what a heartbeat has changed.
type Renewal struct {
	Taken bool // the view is as of the moment of the heartbeat
	First bool // the view was never renewed before
	// Newer says that the view is newer than before.
	Newer bool
}

// Renew notes that all rules are known that there were at t0 + age: t0 is when
// this verifier began to dial (see Mono), and age how much later the issuer read
// its log, by the issuer's clock. So a message counts from when it was made,
// however long it was on its way, and never from when it arrived. Call
// [View.Resume] afterwards. Errors are ErrClock and ErrFrame.
func (v *View) Renew(t0 int64, hb api.FeedHeartbeat) (Renewal, error) {
	now := v.Moment(v.config.Now())
	if hb.Age > now.mono-t0+maxAhead {
		if now.mono != t0 { // a clock that never moves is that of a test
			v.distrust()
		}
		return Renewal{}, ErrClock
	}
	if hb.Wall > maxWall {
		return Renewal{}, ErrFrame
	}
	at := min(t0+max(hb.Age, -1<<40), now.mono)
	v.issuer.prove(now, at, hb.Wall)
	old := v.asOf.Load()
	if old != nil && old.mono > at && !old.doubted {
		return Renewal{}, nil
	}
	v.asOf.Store(&asOf{Moment: Moment{at, now.wall - (now.mono - at)}})
	v.denied.drop(at)
	return Renewal{Taken: true, First: old == nil, Newer: old == nil || old.doubted || at > old.mono}, nil
}

// Resume lets the requests go on that wait for the view to be renewed.
func (v *View) Resume() { v.gate.open() }

// distrust drops the moments as of which the view and the issuer's clock are
// known, because the clocks of this machine do not say how long ago those were.
// Rules stay known.
func (v *View) distrust() {
	v.doubted.Store(v.Mono(v.config.Now()))
	if at := v.asOf.Load(); at != nil {
		v.asOf.Store(&asOf{at.Moment, true})
	}
	v.issuer.forget()
}

// CheckClocks distrusts the view if the clocks have moved apart since it was
// renewed. Only the writer calls it.
func (v *View) CheckClocks() {
	if at := v.asOf.Load(); at != nil && v.Moment(v.config.Now()).jumped(at.Moment) {
		v.distrust()
	}
}

// Current reports whether the view is young enough to be trusted.
func (v *View) Current(now time.Time) bool { return v.trusts(v.asOf.Load(), now) }

func (v *View) trusts(at *asOf, now time.Time) bool {
	return at != nil && !at.doubted && v.recent(at.Moment, now)
}

// recent reports whether a moment is within the bound.
func (v *View) recent(at Moment, now time.Time) bool {
	return v.Moment(now).since(at) <= v.config.Staleness.Milliseconds()
}

// Decide decides about a token by what is known here, if that is enough. It reads
// the age of the view first and the rules afterwards: rules that are newer than
// the age do no harm. In the other order, an age that came with newer rules could
// vouch for older ones.
func (v *View) Decide(t Token, now time.Time) (decided bool, err error) {
	at := v.asOf.Load()
	if v.between != nil {
		v.between()
	}
	if err := v.Check(t); err != nil {
		return true, err
	}
	if v.denied.holds(t, at) {
		return true, ErrDenied
	}
	return v.trusts(at, now) || v.young(t, now), nil
}

// Check returns an error if a rule refuses the token: [refusal.ErrRevoked] or
// [refusal.ErrOutdated]. It looks only when the rules have changed since the last
// time. A refusal is not kept: looking again gives the same.
func (v *View) Check(t Token) error {
	epoch := v.epoch.Load() // before the rules: they may be newer, never older
	m := t.Mark()
	if m.epoch.Load() == epoch {
		return nil
	}
	salt := v.salt.Load()
	if salt == nil {
		return nil
	}
	f := t.Facts()
	standing := rules.Standing{Revision: f.Revision, IssuedAt: f.IssuedAt / 1000}
	switch v.rules.Table().Check(salt.keys(t), salt.issuer, standing) {
	case rules.Revoked:
		return refusal.ErrRevoked
	case rules.Soft:
		return refusal.ErrOutdated
	}
	m.epoch.Store(epoch)
	return nil
}

// young reports whether a token is younger than the bound, so that it proves
// itself that no rule is older: it did not exist. Its "iat" is the time of another
// machine, and is compared with the latest time that the issuer's clock can show.
// While that is not proved no token is young. A token from the future proves only
// that the clocks cannot be trusted.
func (v *View) young(t Token, now time.Time) bool {
	latest, proved := v.issuer.latest(v.Moment(now))
	age := latest - t.Facts().IssuedAt
	return proved && 0 <= age && age <= v.config.Staleness.Milliseconds()
}

const (
	// maxAdvance is how many rules a log can have grown by since it was last
	// heard: at a hundred a second, those of a month.
	maxAdvance = 1 << 28
	// maxEpochs is how often it can have been set back since.
	maxEpochs = 1 << 10
)

// plausible returns an error if a log cannot have come from one position to
// another. A position never goes back: after one that is wrong, a verifier would
// wait for the log to reach it until it is restarted. From 0 everything is
// possible.
func plausible(from, to int64) error {
	epoch, n := rule.Split(from)
	nextEpoch, next := rule.Split(to)
	if to > rule.MaxSeq || from > 0 && (next > n+maxAdvance || nextEpoch > epoch+maxEpochs) {
		return fmt.Errorf("%w: position %d after %d", ErrFrame, to, from)
	}
	return nil
}

// Plausible returns an error if the log cannot have come to a position.
func (v *View) Plausible(to int64) error { return plausible(v.Position(), to) }
