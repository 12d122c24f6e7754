package verify

import (
	"context"
	"time"

	"github.com/portaria/portaria/verify/internal/view"
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

// FindsHalf tells whether a cached token is found though only the first half of
// its digest agrees.
func (v *Verifier) FindsHalf(token string) bool {
	r, _ := v.cache.find(token)
	r.digest.lo ^= 1
	defer func() { r.digest.lo ^= 1 }()
	half, _ := v.cache.find(token)
	return half != nil
}

func (v *Verifier) view() *view.View {
	if v.follower == nil {
		return view.New(view.Config{Now: v.now}) // nothing depends on it
	}
	return v.follower.View()
}

// Slept makes the wall clock be ahead of all that was heard, as it is after the
// machine was suspended: its monotonic clock then says that no time has passed.
func (v *Verifier) Slept(took time.Duration) { v.view().Slept(took) }

// Watched returns how many connections are watched, and under how many keys.
func (v *Verifier) Watched() (connections, keys int) {
	connections, keys, _ = v.watches.Len()
	return connections, keys
}

// RoomForWatches returns for how many watches the maps have memory.
func (v *Verifier) RoomForWatches() int {
	_, _, room := v.watches.Len()
	return room
}

// Between has a function called between the two reads of every decision: the age
// of the view, and the rules. Call it before the first decision.
func (v *Verifier) Between(do func()) { v.view().Between(do) }

// TakeFrame has the follower take a frame. Nothing else may be under way.
func (v *Verifier) TakeFrame(name string, data []byte) error {
	_, err := v.follower.Take(context.Background(), v.view().Mono(v.now()), name, data)
	return err
}
