package feed

import "time"

// Heartbeats of a feed: the longest and the shortest time between two, and how
// many come within one lease.
const (
	longestBeat   = time.Second
	shortestBeat  = 250 * time.Millisecond
	beatsPerLease = 4
)

// BeatEvery is how often a feed says as of when it is: more often for a
// follower that trusts what it hears for a short time only.
func BeatEvery(lease time.Duration) time.Duration {
	return min(max(lease/beatsPerLease, shortestBeat), longestBeat)
}
