package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/portaria/portaria/internal/testdb"
)

// crashRounds names the variable that says how often to kill the service; by
// default it is a few times, to keep the test short:
//
//	PORTARIA_TEST_CRASH_ROUNDS=200 go test ./cmd/portaria -run Crash -v
const crashRounds = "PORTARIA_TEST_CRASH_ROUNDS"

const (
	residents = 12
	// mostCalls bounds how many calls are answered before the kill.
	mostCalls = 400
)

// TestCrash kills the service again and again while people use it. Whatever
// was acknowledged must be true after each restart, and what was not must be
// either done or not done. Nobody is logged out by it.
func TestCrash(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { crashLoop(t, "sqlite:portaria.db") })
	t.Run("postgres", func(t *testing.T) { crashLoop(t, testdb.Postgres(t)) })
}

func crashLoop(t *testing.T, database string) {
	dir := t.TempDir()
	if err := writeMasterKey(dir); err != nil {
		t.Fatal(err)
	}
	environ := []string{raceOptions, "PORTARIA_DATABASE=" + database, "PORTARIA_LISTEN=" + freeAddress(t),
		// The strength of the hash is not at stake, and a restart of a
		// busy machine may take a while.
		"PORTARIA_INSECURE_PASSWORD_HASH=true", "PORTARIA_ARGON2_MEMORY=8", "PORTARIA_ARGON2_ITERATIONS=1",
		"PORTARIA_GUARD_ADDRESS_FAILURES=1000000", "PORTARIA_GUARD_ACCOUNTS_FAILURES=1000000", "PORTARIA_GUARD_NETWORK_FAILURES=1000000",
		"PORTARIA_GUARD_STRANGERS_FAILURES=1000", "PORTARIA_REFRESH_GRACE=60s", "PORTARIA_LOG_LEVEL=warn"}
	people := make([]*resident, residents)
	for i := range people {
		people[i] = newResident("resident" + strconv.Itoa(i))
	}
	total := tally{}
	for round := range rounds(t) {
		s, err := launch(dir, environ)
		if err != nil {
			t.Fatalf("start %d: %v", round+1, err)
		}
		checkAll(t, s, people)
		if !t.Failed() {
			liveUntilKilled(t, s, people)
		}
		if t.Failed() {
			_ = s.kill() // most often it is dead already
			t.Fatalf("round %d; the service said:\n%s", round+1, s.err.String())
		}
	}
	s, err := launch(dir, environ)
	if err != nil {
		t.Fatalf("last start: %v", err)
	}
	checkAll(t, s, people)
	if err := s.kill(); err != nil {
		t.Error(err)
	}
	for _, r := range people {
		total.add(r.tally)
	}
	t.Log(total)
}

func rounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv(crashRounds)
	if text == "" {
		return 8
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", crashRounds, err)
	}
	return n
}

// checkAll lets everybody look whether all is as they know it to be.
func checkAll(t *testing.T, s *service, people []*resident) {
	t.Helper()
	forAll(t, people, func(ctx context.Context, r *resident) error { return r.check(ctx, s.url) })
}

// liveUntilKilled lets everybody do as they like until the service is killed,
// in the middle of it: after a random number of answers, so at no particular
// place.
func liveUntilKilled(t *testing.T, s *service, people []*resident) {
	t.Helper()
	var answered atomic.Int64
	end := 1 + rand.Int64N(mostCalls)
	var killing sync.Once
	forAll(t, people, func(ctx context.Context, r *resident) error {
		for {
			err := r.act(ctx, s.url)
			switch {
			case errors.Is(err, errUnanswered):
				// Only the kill may leave a call without an answer.
				if answered.Load() < end {
					return err
				}
				return nil
			case err != nil:
				return err
			}
			if answered.Add(1) == end {
				killing.Do(func() {
					if err := s.kill(); err != nil {
						t.Error(err)
					}
				})
			}
		}
	})
}

// forAll runs f for all residents at once, each with connections of its own.
func forAll(t *testing.T, people []*resident, f func(context.Context, *resident) error) {
	t.Helper()
	var all sync.WaitGroup
	for _, r := range people {
		all.Go(func() {
			r.http = &http.Client{Transport: &http.Transport{}, Timeout: startPatience}
			defer r.http.CloseIdleConnections()
			if err := f(t.Context(), r); err != nil {
				t.Errorf("%s: %v", r.name, err)
			}
		})
	}
	all.Wait()
}
