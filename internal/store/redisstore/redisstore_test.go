package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/guard"
	"github.com/portaria/portaria/internal/guard/guardtest"
	"github.com/portaria/portaria/internal/store/redisstore"
	"github.com/portaria/portaria/internal/testdb"
)

func open(t *testing.T, url string, opts redisstore.Options) *redisstore.Store {
	t.Helper()
	if opts.Timeout == 0 {
		opts.Timeout = 10 * time.Second
	}
	s, err := redisstore.Open(url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestCounters(t *testing.T) {
	server := testdb.Redis(t)
	guardtest.Run(t, func(t *testing.T, now func() time.Time) guard.Counters {
		server.Kill()
		server.Start()
		return open(t, server.URL, redisstore.Options{Now: now})
	})
}

// TestTwoProcessesShareABudget, by the clock of the server.
func TestTwoProcessesShareABudget(t *testing.T) {
	server := testdb.Redis(t)
	processes := []*redisstore.Store{open(t, server.URL, redisstore.Options{}), open(t, server.URL, redisstore.Options{})}
	a := guard.Charge{Key: "a", Limit: guard.Limit{Burst: 10, Every: time.Hour}}
	var allowed atomic.Int64
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			v, err := processes[i%2].Take(t.Context(), []guard.Charge{a}, false)
			if err != nil {
				t.Error(err)
			} else if v.Refused < 0 {
				allowed.Add(1)
			}
		})
	}
	all.Wait()
	if allowed.Load() != 10 {
		t.Errorf("%d attempts were allowed, want 10", allowed.Load())
	}
	for i, p := range processes {
		levels, waits, err := p.Levels(t.Context(), []guard.Charge{a})
		if err != nil || levels[0] < 9.9 || levels[0] > 10 || waits[0] < 59*time.Minute {
			t.Errorf("process %d: level %v, wait %v, %v", i, levels, waits, err)
		}
	}
}

// TestRedisAway: an error soon, and none after it is back.
func TestRedisAway(t *testing.T) {
	server := testdb.Redis(t)
	s := open(t, server.URL, redisstore.Options{Timeout: 300 * time.Millisecond})
	a := guard.Charge{Key: "a", Limit: guard.Limit{Burst: 1000, Every: time.Hour}}
	take := func() error {
		_, err := s.Take(t.Context(), []guard.Charge{a}, false)
		return err
	}
	if err := errors.Join(s.Ping(t.Context()), take()); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	began := time.Now()
	if err := take(); err == nil {
		t.Error("an attempt was counted without a server")
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("an attempt without a server took %v", took)
	}
	server.Start()
	for until := time.Now().Add(20 * time.Second); take() != nil; {
		if time.Now().After(until) {
			t.Fatal("the store does not find the server again")
		}
	}
}

func TestKeysHaveAPrefixAndAnEnd(t *testing.T) {
	server := testdb.Redis(t)
	s := open(t, server.URL, redisstore.Options{})
	limit := guard.Limit{Burst: 3, Every: time.Minute}
	if _, err := s.Take(t.Context(), []guard.Charge{{Key: "a", Limit: limit, Pair: "p"}}, false); err != nil {
		t.Fatal(err)
	}
	lives, err := s.Lives(t.Context())
	if err != nil || len(lives) != 2 {
		t.Fatalf("keys %v, %v, want two", lives, err)
	}
	for key, life := range lives {
		if !strings.HasPrefix(key, "portaria:") || life <= 0 || life > 2*time.Hour {
			t.Errorf("key %s lives for %v", key, life)
		}
	}
}

func TestBadURLs(t *testing.T) {
	for _, url := range []string{"", "http://localhost", "redis://user:hunter2@host:notaport"} {
		s, err := redisstore.Open(url, redisstore.Options{})
		if err == nil {
			s.Close()
			t.Errorf("%q was opened", url)
		} else if strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := open(t, testdb.Redis(t).URL, redisstore.Options{})
	if err := s.Ping(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that ended: %v", err)
	}
}
