package keyring_test

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/portaria/portaria/internal/keyring"
)

// memory is a key store that keeps its promises in memory, for tests of the
// rules; the stores on databases are tested where they are.
type memory struct {
	mu      sync.Mutex
	keys    []keyring.Record
	secrets map[string][]byte
	writes  int

	// meanwhile runs once, before the next write: another process is faster.
	meanwhile func()
	// fail is what writes return after failAfter more of them.
	fail      error
	failAfter int
	// away is what Keys returns instead; reads counts its calls.
	away  error
	reads int
}

func newMemory() *memory { return &memory{secrets: map[string][]byte{}} }

// write runs one atomic step.
func (m *memory) write(step func() error) error {
	m.mu.Lock()
	other := m.meanwhile
	m.meanwhile = nil
	m.mu.Unlock()
	if other != nil {
		other()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil && m.failAfter == 0 {
		return m.fail
	}
	m.failAfter--
	err := step()
	if err == nil {
		m.writes++
	}
	return err
}

// failWith has every reading of the keys fail; nil lets them succeed again.
func (m *memory) failWith(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = err
}

func (m *memory) readings() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reads
}

func (m *memory) find(kid string) *keyring.Record {
	for i := range m.keys {
		if m.keys[i].Kid == kid {
			return &m.keys[i]
		}
	}
	return nil
}

func (m *memory) Keys(context.Context) ([]keyring.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.reads++; m.away != nil {
		return nil, m.away
	}
	return slices.SortedFunc(slices.Values(m.keys), func(a, b keyring.Record) int {
		return cmp.Or(cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.Seq, b.Seq))
	}), nil
}

func (m *memory) add(r keyring.Record) error {
	for _, k := range m.keys {
		if k.Kid == r.Kid || (k.Purpose == r.Purpose && k.Seq == r.Seq) {
			return keyring.ErrConflict
		}
	}
	m.keys = append(m.keys, r)
	return nil
}

func (m *memory) AddKey(_ context.Context, r keyring.Record) error {
	return m.write(func() error { return m.add(r) })
}

func (m *memory) retire(kid string, at time.Time) error {
	k := m.find(kid)
	switch {
	case k == nil:
		return keyring.ErrNotFound
	case !k.RetireAt.IsZero() || !k.KilledAt.IsZero():
		return keyring.ErrConflict
	}
	k.RetireAt = at
	return nil
}

func (m *memory) Rotate(_ context.Context, predecessor string, r keyring.Record) error {
	return m.write(func() error {
		before := slices.Clone(m.keys)
		if err := m.retire(predecessor, r.ActivateAt); err != nil {
			return err
		}
		if err := m.add(r); err != nil {
			m.keys = before
			return err
		}
		return nil
	})
}

func (m *memory) RetireKey(_ context.Context, kid string, at time.Time) error {
	return m.write(func() error { return m.retire(kid, at) })
}

func (m *memory) KillKey(_ context.Context, kid string, at time.Time) error {
	return m.write(func() error {
		k := m.find(kid)
		if k == nil {
			return keyring.ErrNotFound
		}
		if k.KilledAt.IsZero() {
			k.KilledAt = at
		}
		return nil
	})
}

func (m *memory) RaiseTTL(_ context.Context, kid string, ttl time.Duration) error {
	return m.write(func() error {
		k := m.find(kid)
		if k == nil {
			return keyring.ErrNotFound
		}
		k.LongestTTL = max(k.LongestTTL, ttl)
		return nil
	})
}

func (m *memory) Reseal(_ context.Context, kid string, old, sealed []byte) error {
	return m.write(func() error {
		k := m.find(kid)
		if k == nil || !bytes.Equal(k.Sealed, old) {
			return keyring.ErrConflict
		}
		k.Sealed = sealed
		return nil
	})
}

func (m *memory) DeleteKey(_ context.Context, kid string) (deleted bool, err error) {
	err = m.write(func() error {
		deleted = m.find(kid) != nil
		m.keys = slices.DeleteFunc(m.keys, func(r keyring.Record) bool { return r.Kid == kid })
		return nil
	})
	return deleted, err
}

func (m *memory) Replace(_ context.Context, r keyring.Replacement) error {
	return m.write(func() error {
		before := slices.Clone(m.keys)
		err := m.replace(r)
		if err != nil {
			m.keys = before
		}
		return err
	})
}

func (m *memory) replace(r keyring.Replacement) error {
	if r.Withdrawn != "" {
		k := m.find(r.Withdrawn)
		switch {
		case k == nil:
			return keyring.ErrNotFound
		case !k.RetireAt.IsZero() || !k.KilledAt.IsZero() || !k.ActivateAt.After(r.At):
			return keyring.ErrConflict
		}
		k.RetireAt, k.KilledAt = r.At, r.At
	}
	k := m.find(r.Predecessor)
	switch {
	case k == nil:
		return keyring.ErrNotFound
	case !k.KilledAt.IsZero():
		return keyring.ErrConflict
	}
	k.RetireAt = r.Successor.ActivateAt
	return m.add(r.Successor)
}

func (m *memory) HastenKey(_ context.Context, kid string, at time.Time) error {
	return m.write(func() error {
		k := m.find(kid)
		switch {
		case k == nil:
			return keyring.ErrNotFound
		case !k.KilledAt.IsZero():
			return keyring.ErrConflict
		case at.Before(k.ActivateAt):
			k.ActivateAt = at
		}
		return nil
	})
}

func (m *memory) Secret(_ context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sealed, ok := m.secrets[name]
	if !ok {
		return nil, keyring.ErrNotFound
	}
	return sealed, nil
}

func (m *memory) AddSecret(_ context.Context, s keyring.SealedSecret) error {
	return m.write(func() error {
		if _, ok := m.secrets[s.Name]; ok {
			return keyring.ErrConflict
		}
		m.secrets[s.Name] = s.Sealed
		return nil
	})
}

func (m *memory) AddGeneration(ctx context.Context, s keyring.SealedSecret, _ keyring.SecretRotation, _ time.Time) error {
	return m.AddSecret(ctx, s)
}

func (m *memory) Secrets(context.Context) ([]keyring.SealedSecret, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []keyring.SealedSecret
	for name, sealed := range m.secrets {
		all = append(all, keyring.SealedSecret{Name: name, Sealed: sealed})
	}
	slices.SortFunc(all, func(a, b keyring.SealedSecret) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

func (m *memory) ResealSecret(_ context.Context, name string, old, sealed []byte) error {
	return m.write(func() error {
		if current, ok := m.secrets[name]; !ok || !bytes.Equal(current, old) {
			return keyring.ErrConflict
		}
		m.secrets[name] = sealed
		return nil
	})
}
