package event

import (
	"sync"
	"time"
)

// Limits of recorded refusals: of each type from one address, and of each type from
// all addresses. Refusals cost an attacker nothing, so they must not fill the log.
const (
	addressBurst = 5
	addressEvery = 10 * time.Minute
	typeBurst    = 60
	typeEvery    = time.Minute
	maxAddresses = 4096
)

// Bound limits how many refusals become events. Its zero value is ready, and it is
// safe for concurrent use.
type Bound struct {
	mu        sync.Mutex
	types     map[Type]*bucket
	addresses map[from]*bucket
	dropped   map[Type]int
}

type from struct {
	t       Type
	address string
}

// bucket counts the events that may still be written. It fills again with time.
type bucket struct {
	left float64
	at   time.Time
}

func (b *bucket) take(now time.Time, burst float64, every time.Duration) bool {
	if passed := now.Sub(b.at); passed > 0 {
		b.left = min(burst, b.left+float64(passed)/float64(every))
		b.at = now
	}
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// Take reports whether to write an event, and how many of its type were left out since
// the last one.
func (b *Bound) Take(t Type, address string, now time.Time) (leftOut int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.types == nil {
		b.types, b.addresses, b.dropped = map[Type]*bucket{}, map[from]*bucket{}, map[Type]int{}
	}
	if b.types[t] == nil {
		b.types[t] = &bucket{typeBurst, now}
	}
	of := b.addresses[from{t, address}]
	if of == nil {
		if len(b.addresses) >= maxAddresses {
			clear(b.addresses) // the types' own buckets bound what follows
		}
		of = &bucket{addressBurst, now}
		b.addresses[from{t, address}] = of
	}
	if !of.take(now, addressBurst, addressEvery) || !b.types[t].take(now, typeBurst, typeEvery) {
		b.dropped[t]++
		return 0, false
	}
	leftOut = b.dropped[t]
	b.dropped[t] = 0
	return leftOut, true
}
