package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// bench is one run of everything.
type bench struct {
	binary, folder string
	length         time.Duration // of the window of one row
	rest           time.Duration // between a burst and the look at idle memory
	only           string
	out            io.Writer
}

// concurrency is how many clients each operation is measured with.
var concurrency = []int{1, 16, 64}

// most is the greatest of them, and so the number of accounts.
const most = 64

// load is an operation to measure.
type load struct {
	name string
	do   func(person) act
	// targets by number of clients; those of 0 are for any number.
	targets map[int]target
}

// target is what DESIGN.md demands; zero fields demand nothing.
type target struct {
	rate        float64 // operations a second, at least
	cpu, beside float64 // ms of CPU an operation, at most: all of it, and without the hash
}

func (b *bench) run() error {
	heading(b.out)
	besideHash := map[int]target{0: {beside: 0.5}}
	rotation := map[int]target{16: {rate: 5000, cpu: 0.25}}
	return errors.Join(
		b.onSQLite("cheap", cheapHash,
			load{"login, cheapest hash", logIn, besideHash},
			load{"refresh", refresh, rotation},
			load{"GET /v1/me", checkToken, nil},
			load{"key set", fetchKeys, nil}),
		b.onPostgres(
			load{"login, PostgreSQL", logIn, besideHash},
			load{"refresh, PostgreSQL", refresh, rotation},
			load{"GET /v1/me, PostgreSQL", checkToken, nil}),
		b.onDefaultHash(load{"login, default hash", logIn, besideHash}),
		b.starts(),
	)
}

func (b *bench) wanted(name string) bool { return strings.Contains(name, b.only) }

func (b *bench) selected(loads []load) []load {
	return slices.DeleteFunc(slices.Clone(loads), func(l load) bool { return !b.wanted(l.name) })
}

func (b *bench) onSQLite(name string, settings []string, loads ...load) error {
	loads = b.selected(loads)
	if len(loads) == 0 {
		return nil
	}
	return b.with(name, settings, func(s *service, people []person) error { return b.rows(s, people, loads) })
}

// onDefaultHash measures what needs passwords at their full price: logins, and
// what they do to others.
func (b *bench) onDefaultHash(logins load) error {
	loads, stormy := b.selected([]load{logins}), b.wanted(stormName)
	if len(loads) == 0 && !stormy {
		return nil
	}
	return b.with("default", nil, func(s *service, people []person) error {
		if err := b.rows(s, people, loads); err != nil || !stormy {
			return err
		}
		return b.storm(s, people)
	})
}

func (b *bench) onPostgres(loads ...load) (err error) {
	loads = b.selected(loads)
	if len(loads) == 0 {
		return nil
	}
	return withPostgres(func(url string) error {
		settings := append(onPostgres(url), cheapHash...)
		return b.with("postgres", settings, func(s *service, people []person) error { return b.rows(s, people, loads) })
	})
}

// with runs a fresh service with people who are logged in.
func (b *bench) with(name string, settings []string, do func(*service, []person) error) (err error) {
	folder, err := b.newFolder(name)
	if err != nil {
		return err
	}
	s, _, err := launch(b.binary, folder, settings...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.signUp(most); err != nil {
		return err
	}
	people, err := s.signIn(most)
	if err != nil {
		return err
	}
	return do(s, people)
}

func (b *bench) rows(s *service, people []person, loads []load) error {
	for _, l := range loads {
		for _, n := range concurrency {
			clients := acts(people, n, l.do)
			m, err := measure(s, b.length, clients)
			if err != nil {
				return fmt.Errorf("%s, %d clients: %w", l.name, n, err)
			}
			row(b.out, l.name, n, m, l.target(n))
			keepChains(people, clients)
		}
	}
	return nil
}

func (l load) target(clients int) target {
	if t, ok := l.targets[clients]; ok {
		return t
	}
	return l.targets[0]
}

// keepChains carries the refresh tokens over to the next row: an older one
// would be theft, and end the session.
func keepChains(people []person, clients []act) {
	for i, c := range clients {
		if r, ok := c.(*refresher); ok {
			people[i].refresh = string(r.token)
		}
	}
}
