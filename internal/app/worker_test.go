package app_test

import (
	"testing"

	"github.com/portaria/portaria/internal/app"
)

// TestOnlyAWorkerIsAWorker: nothing that a person types by mistake turns the
// program into one, which would seem to hang.
func TestOnlyAWorkerIsAWorker(t *testing.T) {
	for _, args := range [][]string{nil, {"portaria"}, {"portaria", "serve"}, {"hash-worker"}, {"portaria", "hash-worker", "--help"}} {
		if _, ok := app.HashWorker(args); ok {
			t.Errorf("%q was taken for a worker", args)
		}
	}
}
