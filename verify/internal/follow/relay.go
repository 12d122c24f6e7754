package follow

import (
	"encoding/base64"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/feed"
)

// relay is the end of the log, for verifiers downstream. It is kept from the first
// request on.
type relay struct {
	log    atomic.Pointer[feed.Log] // nil before the first request
	mu     sync.Mutex               // held while log is begun or changed
	keySet []byte                   // as it came
	seats  feed.Seats               // of all servers of the relay
}

// Relay serves the feed to verifiers downstream. It protects nothing by itself.
func (f *Follower) Relay() *feed.Server {
	d := &f.downstream
	return &feed.Server{Now: f.config.Now, Log: d.served, AsOf: f.view.AsOf, IssuedBy: f.view.IssuedBy, Rules: f.view.Rules,
		Join: d.join, Stays: d.stays, Acked: d.acked, Draining: d.draining, Seats: &d.relay.seats}
}

// Drain asks the verifiers downstream to reconnect.
func (f *Follower) Drain() { f.downstream.drain.Do(func() { close(f.downstream.draining) }) }

// NoRelay serves the feed of a verifier that follows nothing: 503.
func NoRelay() http.Handler {
	return &feed.Server{Now: time.Now, Log: func() *feed.Log { return nil }}
}

// served returns the end of the log, nil before the log is known.
func (d *downstream) served() *feed.Log {
	if log := d.relay.log.Load(); log != nil {
		return log
	}
	d.relay.mu.Lock()
	defer d.relay.mu.Unlock()
	salt := d.view.Salt()
	if _, known := d.view.WallAsOf(); salt == nil || !known {
		return nil
	}
	if d.relay.log.Load() == nil {
		head := d.view.Position()
		log := feed.NewLog(api.FeedHello{Epoch: head >> 32, Head: head, Salt: base64.RawURLEncoding.EncodeToString(salt)})
		log.SetKeySet(d.relay.keySet)
		d.relay.log.Store(log)
	}
	return d.relay.log.Load()
}

// advance moves the view's position, and changes the relayed log with it.
func (d *downstream) advance(to int64, change func(*feed.Log)) {
	d.relay.mu.Lock()
	defer d.relay.mu.Unlock()
	d.view.Advance(to)
	if log := d.relay.log.Load(); log != nil {
		change(log)
	}
}

// setKeySet keeps the key set as it came, and passes it on.
func (d *downstream) setKeySet(data []byte) {
	d.relay.mu.Lock()
	defer d.relay.mu.Unlock()
	d.relay.keySet = data
	if log := d.relay.log.Load(); log != nil {
		log.SetKeySet(data)
	}
}

// streamedKeySet returns the key set as it came, nil for none.
func (d *downstream) streamedKeySet() []byte {
	d.relay.mu.Lock()
	defer d.relay.mu.Unlock()
	return d.relay.keySet
}

// beat has the streams downstream say at once how old the view is.
func (d *downstream) beat() {
	if log := d.relay.log.Load(); log != nil {
		log.Beat()
	}
}
