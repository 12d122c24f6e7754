package main

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

const coldStarts = 10

// tidied is how long after a burst the service has returned what it left: a
// look at less would say nothing.
const tidied = 20 * time.Second

// starts measures cold start and memory, on a database that exists.
func (b *bench) starts() error {
	if !b.wanted("cold start") && !b.wanted("idle memory") {
		return nil
	}
	folder, err := b.newFolder("starts")
	if err != nil {
		return err
	}
	first, _, err := launch(b.binary, folder, cheapHash...)
	if err != nil {
		return err
	}
	if err := errors.Join(first.signUp(most), first.stop()); err != nil {
		return err
	}
	return errors.Join(b.coldStart(folder), b.idleMemory(folder))
}

func (b *bench) coldStart(folder string) error {
	var took []time.Duration
	for range coldStarts {
		s, cold, err := launch(b.binary, folder)
		if err != nil {
			return err
		}
		if err := s.stop(); err != nil {
			return err
		}
		took = append(took, cold)
	}
	slices.Sort(took)
	median := milliseconds(took[coldStarts/2])
	line(b.out, "cold start, to the first 200 of /readyz",
		fmt.Sprintf("%.1f ms (median of %d; %.1f to %.1f)", median, coldStarts, milliseconds(took[0]), milliseconds(took[coldStarts-1])),
		atMost("ms", "%.0f", median, 50))
	return nil
}

// idleMemory looks at the service after its start, and again some time after
// a burst of everything.
func (b *bench) idleMemory(folder string) (err error) {
	s, _, err := launch(b.binary, folder, cheapHash...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	time.Sleep(time.Second)
	if err := b.reportMemory(s, "after the start"); err != nil {
		return err
	}
	people, err := s.signIn(most)
	if err != nil {
		return err
	}
	for _, do := range []func(person) act{logIn, refresh, checkToken} {
		if _, err := measure(s, b.length/2, acts(people, most, do)); err != nil {
			return err
		}
	}
	time.Sleep(b.rest)
	if b.rest < tidied {
		return nil
	}
	return b.reportMemory(s, fmt.Sprintf("%v after a burst", b.rest))
}

func (b *bench) reportMemory(s *service, when string) error {
	mb, err := s.resident()
	line(b.out, "idle memory, "+when, fmt.Sprintf("%.1f MB", mb), atMost("MB", "%.0f", mb, 30))
	return err
}
