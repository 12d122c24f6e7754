package feed

import (
	"sync"

	"github.com/portaria/portaria/internal/problem"
)

const (
	// MaxFollowers bounds the streams and waiting polls of one process. More belong
	// behind a relay.
	MaxFollowers = 4096
	// MaxFollowersOf is the share of one client, so that none can lock out the
	// others.
	MaxFollowersOf = MaxFollowers / 2
)

// Seats are a bounded number of streams and waiting polls, of which one client has
// its share. The zero Seats are all free.
type Seats struct {
	mu    sync.Mutex
	taken int
	of    map[string]int
}

// Take takes a seat for a client; the caller releases it. A relay does not know
// clients: the empty client may have all seats.
func (s *Seats) Take(client string) (release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken >= MaxFollowers || client != "" && s.of[client] >= MaxFollowersOf {
		return nil, problem.TooManyFeeds()
	}
	if s.of == nil {
		s.of = map[string]int{}
	}
	s.taken++
	s.of[client]++
	return func() { s.release(client) }, nil
}

func (s *Seats) release(client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if s.of[client]--; s.of[client] == 0 {
		delete(s.of, client)
	}
}
