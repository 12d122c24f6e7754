package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// plan is one run.
type plan struct {
	length time.Duration
	folder string
	// postgres is the URL of an empty database.
	postgres string
	// crash has the database fail under everybody and come back.
	crash func() error
	out   io.Writer

	portaria, verifiers string // programs
	ledger              *ledger
}

// healing is how long verifiers may take to catch up at the end.
const healing = 20 * time.Second

// run is the whole suite. It returns what broke a promise.
func (p plan) run(ctx context.Context) (err error) {
	if p.portaria, err = build(p.folder, "portaria", "./cmd/portaria"); err != nil {
		return err
	}
	if p.verifiers, err = build(p.folder, "chaos", "./internal/chaos"); err != nil {
		return err
	}
	p.ledger = newLedger()
	deployments, err := p.deploy()
	defer func() {
		for _, d := range deployments {
			d.stop()
		}
	}()
	if err != nil {
		return err
	}
	p.turmoil(ctx, deployments)
	heal(deployments)
	for until := time.Now().Add(healing); time.Now().Before(until); <-time.After(10 * pause) {
		if _, missed := p.ledger.missing(); len(missed) == 0 {
			break
		}
	}
	return p.ledger.verdict(p.out)
}

// deploy starts a Portaria of two processes on PostgreSQL with 70 verifiers,
// twenty of them behind a relay, and one on SQLite with 30.
func (p plan) deploy() (all []*deployment, err error) {
	big, err := p.newDeployment("postgres", "http://127.0.0.1:1", 2, onPostgres(p.postgres))
	if err != nil {
		return nil, err
	}
	all = append(all, big)
	small, err := p.newDeployment("sqlite", "http://127.0.0.1:2", 1, nil)
	if err != nil {
		return all, err
	}
	all = append(all, small)
	relay, err := freeAddress()
	if err != nil {
		return all, err
	}
	one, two, alone := big.issuers[0].address, big.issuers[1].address, small.issuers[0].address
	for _, c := range []struct {
		d             *deployment
		behind, relay string
	}{{big, one, relay}, {big, one, ""}, {big, two, ""}, {big, two, ""}, {big, one, ""}, {big, relay, ""}, {big, relay, ""},
		{small, alone, ""}, {small, alone, ""}, {small, alone, ""}} {
		if err := p.staff(c.d, c.behind, c.relay); err != nil {
			return all, err
		}
	}
	return all, errors.Join(big.praise(context.Background()), small.praise(context.Background()))
}

// turmoil revokes and breaks things at the same time.
func (p plan) turmoil(ctx context.Context, deployments []*deployment) {
	ctx, stop := context.WithTimeout(ctx, p.length)
	defer stop()
	var ids atomic.Int64
	var all sync.WaitGroup
	for _, d := range deployments {
		all.Go(func() { d.load(ctx, 250*time.Millisecond, &ids) })
		all.Go(func() { d.weather(ctx) })
		all.Go(func() { d.deaths(ctx) })
	}
	if p.crash != nil {
		all.Go(func() { p.crashes(ctx) })
	}
	all.Wait()
}

// every does something at random moments until ctx ends.
func every(ctx context.Context, mean time.Duration, do func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(between(mean/2, 3*mean/2)):
			do()
		}
	}
}

// between is a random time.
func between(low, high time.Duration) time.Duration { return low + rand.N(high-low+1) }

// rest waits a random time, or until ctx ends.
func rest(ctx context.Context, low, high time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(between(low, high)):
	}
}

// weather makes one network after the other bad for a while: sometimes
// shorter than the lease, sometimes longer.
func (d *deployment) weather(ctx context.Context) {
	every(ctx, time.Second, func() {
		p := d.proxies[rand.IntN(len(d.proxies))]
		w := []weather{cut, stalled, late}[rand.IntN(3)]
		d.ledger.fault("networks " + w.String())
		p.set(w)
		rest(ctx, lease/4, 3*lease)
		p.set(fair)
	})
}

// deaths kills issuers and verifiers.
func (d *deployment) deaths(ctx context.Context) {
	every(ctx, 3*time.Second, func() {
		if rand.IntN(2) == 0 {
			d.ledger.fault("verifier processes killed")
			if err := d.companies[rand.IntN(len(d.companies))].restart(); err != nil {
				d.ledger.complain(err)
			}
			return
		}
		d.ledger.fault("issuers killed")
		i := d.issuers[rand.IntN(len(d.issuers))]
		i.kill()
		rest(ctx, 50*time.Millisecond, 2*time.Second)
		if err := i.start(); err != nil {
			d.ledger.complain(err)
		}
	})
}

// crashes has the database go down and recover.
func (p plan) crashes(ctx context.Context) {
	every(ctx, 15*time.Second, func() {
		p.ledger.fault("databases killed")
		if err := p.crash(); err != nil {
			p.ledger.complain(err)
		}
	})
}

// complain notes that the suite itself could not do something.
func (l *ledger) complain(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong[err.Error()]++
}

// heal makes all networks well again.
func heal(deployments []*deployment) {
	for _, d := range deployments {
		for _, network := range d.proxies {
			network.set(fair)
		}
	}
}

// freeAddress is one that was free a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// onPostgres are the settings for a database there.
func onPostgres(url string) []string {
	return []string{"PORTARIA_DATABASE=" + url, fmt.Sprintf("PORTARIA_MASTER_KEY=%s", masterKey())}
}
