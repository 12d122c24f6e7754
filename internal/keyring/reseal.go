package keyring

import (
	"context"
	"errors"
	"fmt"
)

// Resealed counts the values that [Ring.Reseal] found.
type Resealed struct {
	// Keys and Secrets count the values that were sealed again with the first master key.
	Keys, Secrets int
	// Already counts the values that the first master key had sealed before.
	Already int
}

// Reseal seals every key and secret with the first master key of the file, so that the
// other master keys can be deleted. The service keeps running: give every process a file
// with the new key first and the old one second, restart them one by one, reseal, and
// delete the old key.
//
// It opens everything before it writes anything: after masterkey.ErrWrong or
// masterkey.ErrDamaged nothing has changed. After an interruption, call it again. It never
// overwrites what another process wrote meanwhile.
func (r *Ring) Reseal(ctx context.Context) (Resealed, error) {
	var total Resealed
	for attempt := range maxAttempts {
		pass, conflicts, err := r.resealOnce(ctx)
		total.Keys, total.Secrets = total.Keys+pass.Keys, total.Secrets+pass.Secrets
		if attempt == 0 {
			total.Already = pass.Already
		}
		if err != nil {
			return total, fmt.Errorf("reseal: %w", err)
		}
		if !conflicts {
			return total, r.Reload(ctx)
		}
	}
	return total, fmt.Errorf("reseal: %w", ErrConflict)
}

// sealing is one value that was sealed again and has to be written.
type sealing struct {
	write func(context.Context) error
	count *int
}

func (r *Ring) resealOnce(ctx context.Context) (pass Resealed, conflicts bool, err error) {
	keys, err := r.resealKeys(ctx, &pass)
	if err != nil {
		return pass, false, err
	}
	secrets, err := r.resealSecrets(ctx, &pass)
	if err != nil {
		return pass, false, err
	}
	for _, s := range append(keys, secrets...) {
		err := s.write(ctx)
		switch {
		case errors.Is(err, ErrConflict):
			conflicts = true
		case err != nil:
			return pass, conflicts, err
		default:
			*s.count++
		}
	}
	return pass, conflicts, nil
}

func (r *Ring) resealKeys(ctx context.Context, pass *Resealed) (todo []sealing, err error) {
	records, err := r.store.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	for _, record := range records {
		if len(record.Sealed) == 0 {
			continue
		}
		sealed, err := r.master.Reseal(record.Sealed, keyLabel(record.Kid))
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", record.Kid, err)
		}
		if sealed == nil {
			pass.Already++
			continue
		}
		todo = append(todo, sealing{count: &pass.Keys, write: func(ctx context.Context) error {
			return r.store.Reseal(ctx, record.Kid, record.Sealed, sealed)
		}})
	}
	return todo, nil
}

func (r *Ring) resealSecrets(ctx context.Context, pass *Resealed) (todo []sealing, err error) {
	secrets, err := r.store.Secrets(ctx)
	if err != nil {
		return nil, fmt.Errorf("read secrets: %w", err)
	}
	for _, s := range secrets {
		sealed, err := r.master.Reseal(s.Sealed, secretLabel(s.Name))
		if err != nil {
			return nil, fmt.Errorf("secret %s: %w", s.Name, err)
		}
		if sealed == nil {
			pass.Already++
			continue
		}
		todo = append(todo, sealing{count: &pass.Secrets, write: func(ctx context.Context) error {
			return r.store.ResealSecret(ctx, s.Name, s.Sealed, sealed)
		}})
	}
	return todo, nil
}
