package keyring_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/keyring"
)

var errAway = errors.New("the database is away")

// flaky is a store whose n-th call fails, once.
type flaky struct {
	*memory
	n   int
	hit bool
}

func (f *flaky) next() error {
	f.n--
	if f.n != 0 {
		return nil
	}
	f.hit = true
	return errAway
}

// call makes one call unless it is the one that fails.
func (f *flaky) call(do func() error) error {
	if err := f.next(); err != nil {
		return err
	}
	return do()
}

func (f *flaky) Keys(ctx context.Context) ([]keyring.Record, error) {
	if err := f.next(); err != nil {
		return nil, err
	}
	return f.memory.Keys(ctx)
}

func (f *flaky) Secret(ctx context.Context, name string) ([]byte, error) {
	if err := f.next(); err != nil {
		return nil, err
	}
	return f.memory.Secret(ctx, name)
}

func (f *flaky) Secrets(ctx context.Context) ([]keyring.SealedSecret, error) {
	if err := f.next(); err != nil {
		return nil, err
	}
	return f.memory.Secrets(ctx)
}

func (f *flaky) AddKey(ctx context.Context, r keyring.Record) error {
	return f.call(func() error { return f.memory.AddKey(ctx, r) })
}

func (f *flaky) Rotate(ctx context.Context, predecessor string, successor keyring.Record) error {
	return f.call(func() error { return f.memory.Rotate(ctx, predecessor, successor) })
}

func (f *flaky) RetireKey(ctx context.Context, kid string, at time.Time) error {
	return f.call(func() error { return f.memory.RetireKey(ctx, kid, at) })
}

func (f *flaky) Replace(ctx context.Context, r keyring.Replacement) error {
	return f.call(func() error { return f.memory.Replace(ctx, r) })
}

func (f *flaky) HastenKey(ctx context.Context, kid string, at time.Time) error {
	return f.call(func() error { return f.memory.HastenKey(ctx, kid, at) })
}

func (f *flaky) KillKey(ctx context.Context, kid string, at time.Time) error {
	return f.call(func() error { return f.memory.KillKey(ctx, kid, at) })
}

func (f *flaky) RaiseTTL(ctx context.Context, kid string, ttl time.Duration) error {
	return f.call(func() error { return f.memory.RaiseTTL(ctx, kid, ttl) })
}

func (f *flaky) Reseal(ctx context.Context, kid string, old, sealed []byte) error {
	return f.call(func() error { return f.memory.Reseal(ctx, kid, old, sealed) })
}

func (f *flaky) DeleteKey(ctx context.Context, kid string) (deleted bool, err error) {
	err = f.call(func() error {
		deleted, err = f.memory.DeleteKey(ctx, kid)
		return err
	})
	return deleted, err
}

func (f *flaky) AddSecret(ctx context.Context, s keyring.SealedSecret) error {
	return f.call(func() error { return f.memory.AddSecret(ctx, s) })
}

func (f *flaky) AddGeneration(ctx context.Context, s keyring.SealedSecret, done keyring.SecretRotation, at time.Time) error {
	return f.call(func() error { return f.memory.AddGeneration(ctx, s, done, at) })
}

func (f *flaky) ResealSecret(ctx context.Context, name string, old, sealed []byte) error {
	return f.call(func() error { return f.memory.ResealSecret(ctx, name, old, sealed) })
}

// TestEveryFailedCallArrives fails each call that an operation makes, one after
// another: the error arrives, the ring keeps the keys that it knows, and the
// operation again does what it was to do.
func TestEveryFailedCallArrives(t *testing.T) {
	later := t0.Add(every)
	for name, do := range map[string]func(context.Context, *keyring.Ring) error{
		"reload": func(ctx context.Context, r *keyring.Ring) error { return r.Reload(ctx) },
		"maintain": func(ctx context.Context, r *keyring.Ring) error {
			_, err := r.Maintain(ctx, later)
			return err
		},
		"rotate": func(ctx context.Context, r *keyring.Ring) error {
			_, err := r.Rotate(ctx, t0, keyring.Order{})
			return err
		},
		"kill": func(ctx context.Context, r *keyring.Ring) error {
			_, err := r.Kill(ctx, t0, r.Keys()[0].Kid())
			return err
		},
		"promise": func(ctx context.Context, r *keyring.Ring) error { return r.Promise(ctx, 2*ttl, t0) },
		"secret": func(ctx context.Context, r *keyring.Ring) error {
			_, err := r.Secret(ctx, "new")
			return err
		},
		"reseal": func(ctx context.Context, r *keyring.Ring) error {
			_, err := r.Reseal(ctx)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			for n := 1; ; n++ {
				store := &flaky{memory: newMemory()}
				if _, err := keyring.Open(t.Context(), store, master(t, 1), daily(), t0); err != nil {
					t.Fatal(err)
				}
				r, err := keyring.Open(t.Context(), store, master(t, 2, 1), daily(), t0)
				if err != nil {
					t.Fatal(err)
				}
				before := len(r.Keys())
				store.n, store.hit = n, false
				err = do(t.Context(), r)
				if !store.hit {
					if err != nil || n == 1 {
						t.Fatalf("without a fault: %v after %d calls", err, n-1)
					}
					return
				}
				if !errors.Is(err, errAway) {
					t.Errorf("call %d failed: got %v", n, err)
				}
				if len(r.Keys()) < before {
					t.Errorf("call %d failed: %d keys left of %d", n, len(r.Keys()), before)
				}
				if err := do(t.Context(), r); err != nil && !errors.Is(err, keyring.ErrConflict) {
					t.Errorf("call %d failed, and the repeat says %v", n, err)
				}
			}
		})
	}
}

// TestEveryFailedCallStopsAStart: a start that cannot read or write its keys
// fails, and the next one works.
func TestEveryFailedCallStopsAStart(t *testing.T) {
	for n := 1; ; n++ {
		store := &flaky{memory: newMemory(), n: n}
		r, err := keyring.Open(t.Context(), store, master(t, 1), daily(), t0)
		if !store.hit {
			if err != nil || n == 1 {
				t.Fatalf("without a fault: %v after %d calls", err, n-1)
			}
			return
		}
		if !errors.Is(err, errAway) || r != nil {
			t.Errorf("call %d failed: ring %v, error %v", n, r, err)
		}
		if _, err := keyring.Open(t.Context(), store, master(t, 1), daily(), t0); err != nil {
			t.Errorf("call %d failed, and the next start says %v", n, err)
		}
	}
}
