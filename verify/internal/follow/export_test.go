package follow

import (
	"io"

	"github.com/portaria/portaria/api"
)

// The limits of a snapshot.
const (
	MaxSnapshot = maxSnapshot
	MaxUnpacked = maxUnpacked
)

// OpenSnapshot returns the text of a snapshot, within limits.
func OpenSnapshot(body io.Reader, packed bool, wire, unpacked int64) (io.Reader, error) {
	return openSnapshot(body, packed, wire, unpacked)
}

// Unsent returns the acks of verifiers downstream that the issuer does not have.
func (f *Follower) Unsent() [][]api.FollowerAck { return f.downstream.unsent(false) }

// ReadSnapshot returns how many rules a snapshot has.
func ReadSnapshot(body io.Reader) (int, error) {
	_, all, err := readSnapshot(body)
	return len(all), err
}
