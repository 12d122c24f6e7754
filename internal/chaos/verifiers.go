package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/portaria/portaria/verify"
)

// order tells a process of verifiers what to do; one JSON object a line.
type order struct {
	// Watch names a token to ask for until every verifier has refused it.
	Watch int    `json:"watch,omitempty"`
	Token string `json:"token,omitempty"`
	// Good replaces the tokens that nobody has revoked.
	Good []string `json:"good,omitempty"`
}

// sighting tells how one verifier came to refuse a token, or what it did to a
// good one. Times are nanoseconds of the machine's clock, which all processes
// share.
type sighting struct {
	Watch    int `json:"watch,omitempty"`
	Verifier int `json:"verifier"`
	// Accepted is the last time that the token was accepted, 0 for never;
	// Revoked when it was refused because of a rule.
	Accepted int64 `json:"accepted,omitempty"`
	Revoked  int64 `json:"revoked,omitempty"`
	// Wrong is what was said of a token that is good, or a reason that
	// cannot be.
	Wrong string `json:"wrong,omitempty"`
	// Tally of the answers about good tokens since the last one.
	Good, Unavailable int `json:",omitempty"`
}

// lease of every verifier.
const lease = 2 * time.Second

// pause is between two rounds of asking.
const pause = 10 * time.Millisecond

// role is the order that a process of verifiers gets at its start.
type role struct {
	Issuer, Audience string
	Client, Secret   string
	Proxy            string
	Verifiers        int
	Relay            string // where to serve the feed on, empty for not
	Behind           string // the service that a relay stands before
}

// runVerifiers is the whole life of such a process.
func runVerifiers(ctx context.Context, r role, in io.Reader, out io.Writer) error {
	crew := &crew{out: json.NewEncoder(out), watched: map[int]*watch{}}
	for range r.Verifiers {
		v, err := verify.New(ctx, r.config())
		if err != nil {
			return err
		}
		defer v.Close()
		crew.verifiers = append(crew.verifiers, v)
	}
	if r.Relay != "" {
		relay, err := serveRelay(r, crew.verifiers[0])
		if err != nil {
			return err
		}
		defer relay.Close()
	}
	go crew.ask(ctx)
	orders := bufio.NewScanner(in)
	orders.Buffer(nil, 1<<20)
	for orders.Scan() {
		var o order
		if err := json.Unmarshal(orders.Bytes(), &o); err != nil {
			return fmt.Errorf("read order: %w", err)
		}
		crew.take(o)
	}
	return orders.Err()
}

// config sends every connection to the proxy, whatever the issuer's URL says.
func (r role) config() verify.Config {
	dialer := &net.Dialer{Timeout: time.Second}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, r.Proxy)
		},
		ResponseHeaderTimeout: 2 * time.Second,
		DisableCompression:    true,
	}
	return verify.Config{
		Issuer: r.Issuer, Audience: r.Audience, HTTPClient: &http.Client{Transport: transport},
		ClientID: r.Client, ClientSecret: verify.Secret(r.Secret), Staleness: lease, Log: slog.New(slog.DiscardHandler),
	}
}

// crew is the verifiers of one process.
type crew struct {
	verifiers []*verify.Verifier

	mu      sync.Mutex
	out     *json.Encoder
	watched map[int]*watch
	good    []string
}

// watch is one token and what each verifier said of it last.
type watch struct {
	token string
	seen  []sighting
}

func (c *crew) take(o order) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o.Good != nil {
		c.good = o.Good
	}
	if o.Watch != 0 {
		c.watched[o.Watch] = &watch{o.Token, make([]sighting, len(c.verifiers))}
	}
}

// ask goes round until the process ends.
func (c *crew) ask(ctx context.Context) {
	told := time.Now()
	tally := make([]sighting, len(c.verifiers))
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		c.mu.Lock()
		for id, w := range c.watched {
			if c.round(ctx, id, w) {
				delete(c.watched, id)
			}
		}
		c.checkGood(ctx, tally)
		if time.Since(told) > time.Second {
			told = time.Now()
			for i := range tally {
				tally[i].Verifier = i
				c.tell(tally[i])
				tally[i] = sighting{}
			}
		}
		c.mu.Unlock()
	}
}

// round asks each verifier that has not named a rule yet, and reports whether
// all have.
func (c *crew) round(ctx context.Context, id int, w *watch) (all bool) {
	all = true
	for i, v := range c.verifiers {
		s := &w.seen[i]
		if s.Revoked != 0 {
			continue
		}
		now := time.Now().UnixNano() // before: it is decided by what is known then
		_, err := v.Verify(ctx, w.token)
		switch {
		case errors.Is(err, verify.ErrRevoked):
			s.Watch, s.Verifier, s.Revoked = id, i, now
			c.tell(*s)
			continue
		case err == nil:
			s.Accepted = now
		case !errors.Is(err, verify.ErrUnavailable):
			c.tell(sighting{Watch: id, Verifier: i, Wrong: err.Error()})
		}
		all = false
	}
	return all
}

func (c *crew) checkGood(ctx context.Context, tally []sighting) {
	if len(c.good) == 0 {
		return
	}
	token := c.good[int(time.Now().UnixNano()/int64(pause))%len(c.good)]
	for i, v := range c.verifiers {
		switch _, err := v.Verify(ctx, token); {
		case err == nil:
			tally[i].Good++
		case errors.Is(err, verify.ErrUnavailable):
			tally[i].Unavailable++
		default:
			tally[i].Wrong = err.Error()
		}
	}
}

func (c *crew) tell(s sighting) {
	if err := c.out.Encode(s); err != nil {
		os.Exit(1) // nobody listens any more
	}
}
