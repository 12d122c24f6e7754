package main

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// act is what one client does again and again. It is called by one goroutine.
type act interface {
	request() []byte
	// accept sees the response to the request, and tells whether the
	// operation was done, or told to come back later; an error ends the run.
	accept(response) (done bool, err error)
}

// group is a number of clients that all do the same, each on its connection.
type group struct {
	recording, stopping atomic.Bool
	running             sync.WaitGroup
	clients             []*client
}

type client struct {
	act
	conn      *connection
	latencies []time.Duration // of what was done
	refused   int
	err       error
}

// start lets the clients run; nothing is recorded yet.
func start(address string, acts []act) (*group, error) {
	g := &group{}
	for _, a := range acts {
		conn, err := dial(address)
		if err != nil {
			return nil, errors.Join(err, g.stop())
		}
		c := &client{act: a, conn: conn}
		g.clients = append(g.clients, c)
		g.running.Go(func() { c.err = c.run(g) })
	}
	return g, nil
}

func (c *client) run(g *group) error {
	for !g.stopping.Load() {
		began := time.Now()
		r, err := c.conn.exchange(c.request())
		if err != nil {
			return err
		}
		done, err := c.accept(r)
		if err != nil {
			return err
		}
		// What ends within the window counts, whenever it began: over many
		// operations this evens out.
		if g.recording.Load() {
			c.record(done, time.Since(began))
		}
	}
	return nil
}

func (c *client) record(done bool, took time.Duration) {
	if done {
		c.latencies = append(c.latencies, took)
	} else {
		c.refused++
	}
}

// stop waits for the last responses. Of several clients' errors one says
// enough.
func (g *group) stop() error {
	g.stopping.Store(true)
	g.running.Wait()
	var failed, closed error
	for _, c := range g.clients {
		failed, closed = cmp.Or(failed, c.err), cmp.Or(closed, c.conn.Close())
	}
	return errors.Join(failed, closed)
}

// collect adds what the clients recorded. Call it after stop.
func (m *sample) collect(g *group) {
	for _, c := range g.clients {
		m.latencies = append(m.latencies, c.latencies...)
		m.refused += c.refused
	}
	slices.Sort(m.latencies)
}

// sample is what was measured in one window.
type sample struct {
	wall                  time.Duration
	service, hashing, own time.Duration   // CPU time: of the service, of its hash workers, of this program
	database              time.Duration   // of PostgreSQL
	others                time.Duration   // of all other processes on the machine
	latencies             []time.Duration // sorted
	refused               int
}

// measure runs clients for a while, of which the first part warms up.
func measure(s *service, length time.Duration, acts []act) (sample, error) {
	g, err := start(s.address, acts)
	if err != nil {
		return sample{}, err
	}
	time.Sleep(length / 5)
	m, err := s.window(length, g)
	if err := errors.Join(err, g.stop()); err != nil {
		return sample{}, err
	}
	m.collect(g)
	return m, nil
}

// window lets groups record for a while. The caller stops them and collects.
func (s *service) window(length time.Duration, groups ...*group) (sample, error) {
	before, err := s.usage()
	began := time.Now()
	for _, g := range groups {
		g.recording.Store(true)
	}
	time.Sleep(length)
	for _, g := range groups {
		g.recording.Store(false)
	}
	wall := time.Since(began)
	after, afterErr := s.usage()
	m := sample{
		wall:    wall,
		service: after.service - before.service,
		// A worker that has ended is known to a tick only.
		hashing: max(0, after.hashing-before.hashing),
		own:     after.own - before.own,
		// A connection that was closed took its time with it.
		database: max(0, after.database-before.database),
	}
	m.others = max(0, after.machine-before.machine-m.service-m.hashing-m.own-m.database)
	return m, errors.Join(err, afterErr)
}

func (m sample) operations() int { return len(m.latencies) }

func (m sample) rate() float64 { return float64(m.operations()) / m.wall.Seconds() }

// each divides CPU time by operations, in milliseconds.
func (m sample) each(cpu time.Duration) float64 {
	return milliseconds(cpu) / float64(max(1, m.operations()))
}

// disturbed is the part of the machine, in percent, that others took.
func (m sample) disturbed() float64 {
	return 100 * m.others.Seconds() / m.wall.Seconds() / float64(runtime.NumCPU())
}

// percentile is the nearest rank, in milliseconds; 0 of nothing.
func (m sample) percentile(p float64) float64 {
	if len(m.latencies) == 0 {
		return 0
	}
	rank := int(p / 100 * float64(len(m.latencies)))
	return milliseconds(m.latencies[min(rank, len(m.latencies)-1)])
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// repeated asks the same again and again.
type repeated struct {
	text   []byte
	status int
}

func (r repeated) request() []byte { return r.text }

// accept takes 503 for what it says: come back later.
func (r repeated) accept(got response) (bool, error) {
	if got.status != r.status && got.status != 503 {
		return false, fmt.Errorf("status %d instead of %d: %s", got.status, r.status, got.body)
	}
	return got.status == r.status, nil
}

// refresher follows a refresh chain of its own: each request spends the token
// that the one before has earned.
type refresher struct {
	text  []byte
	token []byte // the part of text that is the token
}

func newRefresher(token string) *refresher {
	text := post("/v1/refresh", `{"refresh_token":"`+token+`"}`)
	from := len(text) - len(token) - len(`"}`)
	return &refresher{text, text[from : from+len(token)]}
}

func (r *refresher) request() []byte { return r.text }

func (r *refresher) accept(got response) (bool, error) {
	next, ok := member(got.body, "refresh_token")
	if got.status != 200 || !ok || len(next) != len(r.token) || string(next) == string(r.token) {
		return false, fmt.Errorf("refresh: status %d: %s", got.status, got.body)
	}
	copy(r.token, next)
	return true, nil
}
