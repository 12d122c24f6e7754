package verify

import (
	"io"
	"time"
)

// Cached returns how many tokens are cached and how much memory they take.
func (v *Verifier) Cached() (count, bytes int64) {
	if v.cache == nil {
		return 0, 0
	}
	return v.cache.count.Load(), v.cache.size.Load()
}

// Digest returns the digest of a token for the cache.
func (v *Verifier) Digest(token string) (hi, lo uint64) {
	_, d := v.cache.find(token)
	return d.hi, d.lo
}

// NextEpoch makes all that was verified be verified again.
func (v *Verifier) NextEpoch() { v.epoch.Add(1) }

// FindsHalf tells whether a cached token is found though only the first half of
// its digest agrees.
func (v *Verifier) FindsHalf(token string) bool {
	r, _ := v.cache.find(token)
	r.digest.lo ^= 1
	defer func() { r.digest.lo ^= 1 }()
	half, _ := v.cache.find(token)
	return half != nil
}

// Slept makes the clock on the wall be ahead of all that was heard, as it is
// after the machine slept: its own clock then says that no time has passed.
func (v *Verifier) Slept(took time.Duration) {
	at := *v.follower.asOf.Load()
	at.wall -= took.Milliseconds()
	v.follower.asOf.Store(&at)
}

// Watched returns how many connections are watched, and under how many keys.
func (v *Verifier) Watched() (connections, keys int) {
	v.watches.mu.Lock()
	defer v.watches.mu.Unlock()
	return len(v.watches.all), len(v.watches.by)
}

// Between has something done between the two reads of every decision: as of
// when the view is, and the rules. Call it before the first one.
func (v *Verifier) Between(do func()) { v.follower.between = do }

// IssuerClock returns how far an issuer's clock has moved on at most, in
// milliseconds, when the clocks of this machine have.
func IssuerClock(mono, wall int64) int64 {
	var c issuerClock
	const ahead = 1000
	c.prove(moments{mono: 500, wall: 700_000}, 500, 700_000+ahead)
	latest, _ := c.latest(moments{mono: 500 + mono, wall: 700_000 + wall})
	return latest - 700_000 - ahead
}

// RoomForWatches returns for how many watches the maps have memory.
func (v *Verifier) RoomForWatches() int {
	v.watches.mu.Lock()
	defer v.watches.mu.Unlock()
	return v.watches.peak
}

// Plausible reports why a log cannot have come from one place to another.
func Plausible(from, to int64) error { return plausible(from, to) }

// ReadSnapshot returns how many rules a snapshot has.
func ReadSnapshot(body io.Reader) (int, error) {
	_, all, err := readSnapshot(body)
	return len(all), err
}

// TakeFrame has the follower take a frame. Nothing else may be under way.
func (v *Verifier) TakeFrame(name string, data []byte) error {
	f := v.follower
	_, err := f.frame(f.ctx, f.mono(v.now()), name, data)
	return err
}
