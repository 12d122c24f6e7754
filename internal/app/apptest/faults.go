package apptest

import (
	"context"
	"net/http"
	"strings"
	"sync"

	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/store"
)

// Faults lets one step of the store fail. Only steps of requests from
// [App.Faulty], and of contexts from [Exposed], count.
type Faults struct {
	mu   sync.Mutex
	n    int // steps until the one that fails
	lost bool
	hit  bool
	// before, if any, runs in the place of a failure.
	before func()

	steps int
	reads []string
}

// Counted is what requests asked of the store.
type Counted struct {
	// Steps counts reads and writes; a write is one step, however many statements
	// it has.
	Steps int
	// Reads are the names of the statements that read, in order, with SQLite.
	Reads []string
}

// Count returns what was asked of the store since the last call, by requests of
// [App.Faulty].
func (f *Faults) Count() Counted {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := Counted{f.steps, f.reads}
	f.steps, f.reads = 0, nil
	return c
}

func (f *Faults) read(ctx context.Context, text string) {
	if ctx.Value(exposed{}) == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	name, _, _ := strings.Cut(strings.TrimPrefix(text, "-- name: "), " ")
	f.reads = append(f.reads, name)
}

// Fail has the n-th step from now on fail, once. With lost, the step is done
// and only its answer is lost.
func (f *Faults) Fail(n int, lost bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n, f.lost, f.hit, f.before = n, lost, false, nil
}

// Before has do run once, before the n-th step from now on: what another
// request does at that moment. No step fails.
func (f *Faults) Before(n int, do func()) {
	f.Fail(n, false)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = do
}

// Hit reports whether a step has failed since Fail.
func (f *Faults) Hit() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hit
}

// Around runs a step of the store, or lets it fail: see [sqlstore.Options.Around].
func (f *Faults) Around(ctx context.Context, step func() error) error {
	if ctx.Value(exposed{}) == nil {
		return step()
	}
	fails, lost, before := f.next()
	if before != nil {
		before()
		return step()
	}
	if !fails {
		return step()
	}
	if lost {
		return lose(step())
	}
	return store.ErrUnavailable
}

// lose forgets what a step said.
func lose(error) error { return store.ErrUnavailable }

func (f *Faults) next() (fails, lost bool, before func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.steps++
	f.n--
	if f.n != 0 {
		return false, false, nil
	}
	f.hit = true
	return true, f.lost, f.before
}

type exposed struct{}

// Exposed returns a context whose steps of the store may fail.
func Exposed(ctx context.Context) context.Context { return context.WithValue(ctx, exposed{}, true) }

// ExposedHeader marks requests whose steps of the store may fail.
const ExposedHeader = "X-Exposed-To-Faults"

// expose marks the requests of [App.Faulty].
func expose(r *http.Request) *http.Request {
	if r.Header.Get(ExposedHeader) == "" {
		return r
	}
	return r.WithContext(Exposed(r.Context()))
}

// Faulty returns a client whose requests meet the store's faults.
func (a *App) Faulty() *client.Client {
	return client.New(a.URL, &http.Client{Transport: faulty{a.http.Transport}})
}

type faulty struct{ http.RoundTripper }

func (f faulty) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(ExposedHeader, "yes")
	return f.RoundTripper.RoundTrip(r)
}
