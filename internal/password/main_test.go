package password_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/password"
)

// TestMain lets the test binary be its own worker, as the service is.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == password.WorkerArgument {
		os.Exit(password.WorkerMain())
	}
	os.Exit(m.Run())
}

// cheap is the least work Argon2 allows, one hash at a time.
func cheap() password.Policy {
	return password.Policy{
		MemoryKiB: 8, Iterations: 1, Parallelism: 1,
		Concurrent: 1, Queue: 4, QueueDeadline: time.Minute,
		InsecureCheapHashes: true,
	}
}

func newHasher(t testing.TB, p password.Policy, o password.Options) *password.Hasher {
	t.Helper()
	h, err := password.New(p, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func typed(t testing.TB, s string) password.Plain {
	t.Helper()
	p, err := password.Typed(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func hash(t testing.TB, h *password.Hasher, s string) string {
	t.Helper()
	phc, err := h.Hash(context.Background(), typed(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return phc
}
