package feed

import (
	"math/rand/v2"
	"time"
)

// DrainAfter returns how long a server that stops keeps the stream of a follower:
// a random part of half its lease. All followers together then reconnect at a
// steady rate, and each of them while its view is still current. grace is how long
// the server may take to stop; half of it is left for what follows.
func DrainAfter(lease, grace time.Duration) time.Duration {
	return rand.N(max(min(lease, grace)/2, 1))
}
