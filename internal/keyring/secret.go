package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/portaria/portaria/internal/keyring/masterkey"
	"github.com/portaria/portaria/internal/secret"
)

// secretSize is the length of a named secret: as much as HMAC-SHA-256 uses.
const secretSize = 32

// Secret is a named secret in the clear.
type Secret = secret.Bytes

// Labels bind a sealed value to its row, so that it cannot be moved to another.
func keyLabel(kid string) string     { return "portaria key " + kid }
func secretLabel(name string) string { return "portaria secret " + name }

// Secret returns the first generation of a named secret of 32 random bytes. The first call
// creates and seals it. If several processes do so at once, all get the same secret.
// [Ring.Generations] knows it from then on.
func (r *Ring) Secret(ctx context.Context, name string) (Secret, error) {
	found, err := r.readSecret(ctx, name)
	if !errors.Is(err, ErrNotFound) {
		return found, err
	}
	fresh := make([]byte, secretSize)
	rand.Read(fresh) // never fails
	sealed, err := r.master.Seal(fresh, secretLabel(name))
	if err != nil {
		return nil, err
	}
	err = r.store.AddSecret(ctx, SealedSecret{Name: name, Sealed: sealed})
	if err != nil && !errors.Is(err, ErrConflict) {
		return nil, fmt.Errorf("add secret %s: %w", name, err)
	}
	if err := r.Reload(ctx); err != nil {
		return nil, err
	}
	return r.readSecret(ctx, name)
}

func (r *Ring) readSecret(ctx context.Context, name string) (Secret, error) {
	sealed, err := r.store.Secret(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("read secret %s: %w", name, err)
	}
	return r.openSecret(SealedSecret{Name: name, Sealed: sealed})
}

func (r *Ring) openSecret(s SealedSecret) (Secret, error) {
	data, err := r.master.Open(s.Sealed, secretLabel(s.Name))
	if err != nil {
		return nil, fmt.Errorf("open secret %s: %w", s.Name, err)
	}
	if len(data) != secretSize {
		return nil, fmt.Errorf("open secret %s: %w", s.Name, masterkey.ErrDamaged)
	}
	return data, nil
}
