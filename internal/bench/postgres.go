package main

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/portaria/portaria/internal/testdb"
)

// withPostgres gives do a database on a PostgreSQL of its own that syncs to
// disk as in production.
func withPostgres(do func(url string) error) (err error) {
	h := &harness{}
	defer h.finish()
	defer func() {
		if failed, ok := recover().(failure); ok {
			err = failed
		}
	}()
	return do(testdb.DurablePostgres(h))
}

// harness stands in for a test, which testdb serves otherwise.
type harness struct {
	testing.TB // the rest of it, which testdb does not use
	cleanups   []func()
}

// failure is a harness's Fatal on its way up.
type failure struct{ error }

func (*harness) Helper() {}

func (*harness) Context() context.Context { return context.Background() }

func (h *harness) Cleanup(f func()) { h.cleanups = append(h.cleanups, f) }

func (*harness) Fatal(args ...any) { panic(failure{fmt.Errorf("%s", fmt.Sprint(args...))}) }

func (*harness) Fatalf(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

func (h *harness) finish() {
	for _, f := range slices.Backward(h.cleanups) {
		f()
	}
}
