package keyring

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/keyring/masterkey"
)

// A named secret has generations. The store has the first one under the secret's name and
// generation n under "name#n". From the second on, the sealed bytes also hold when the
// generation is first used and until when earlier ones are accepted. Because these times
// are sealed, nobody can change them in the database.
const (
	generationMark = "#"
	generationSize = secretSize + 8 + 8
	// maxGenerations bounds the rows that each reload reads.
	maxGenerations = 1000
)

// MaxHonour is the longest time for which earlier generations may be accepted.
const MaxHonour = 90 * 24 * time.Hour

var (
	// ErrUnknownSecret reports that no secret has this name.
	ErrUnknownSecret = errors.New("key ring: no secret has this name")
	// ErrHonour reports that earlier generations would be accepted for too long or too
	// short a time.
	ErrHonour = errors.New("key ring: earlier generations are accepted for at most 90 days")
	// ErrTooManyGenerations reports a secret that was rotated too often.
	ErrTooManyGenerations = errors.New("key ring: the secret was rotated too often")
)

// generation is one value of a named secret.
type generation struct {
	n      int
	sealed []byte
	secret Secret
	// from is when it is first used. It is accepted before that, because processes reload
	// at different times.
	from time.Time
	// until is when the earlier generations end; zero means that they are never accepted.
	until time.Time
}

func generationName(name string, n int) string {
	if n == 1 {
		return name
	}
	return name + generationMark + strconv.Itoa(n)
}

// parseGeneration splits a name in the store into the name of a secret and its generation.
func parseGeneration(stored string) (name string, n int) {
	name, text, marked := strings.Cut(stored, generationMark)
	if !marked {
		return stored, 1
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 2 || strconv.Itoa(n) != text {
		return stored, 0
	}
	return name, n
}

// openGeneration opens a sealed secret of the store.
func (r *Ring) openGeneration(s SealedSecret) (name string, g generation, err error) {
	name, n := parseGeneration(s.Name)
	data, err := r.master.Open(s.Sealed, secretLabel(s.Name))
	if err != nil {
		return name, g, fmt.Errorf("open secret %s: %w", s.Name, err)
	}
	g = generation{n: n, sealed: s.Sealed, secret: data}
	switch {
	case n == 1 && len(data) == secretSize:
		return name, g, nil
	case n > 1 && len(data) == generationSize:
		g.secret = data[:secretSize:secretSize]
		g.from = fromMillis(data[secretSize:])
		g.until = fromMillis(data[secretSize+8:])
		return name, g, nil
	}
	return name, g, fmt.Errorf("open secret %s: %w", s.Name, masterkey.ErrDamaged)
}

func fromMillis(b []byte) time.Time {
	ms := int64(binary.BigEndian.Uint64(b))
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func appendMillis(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.BigEndian.AppendUint64(b, 0)
	}
	return binary.BigEndian.AppendUint64(b, uint64(t.UnixMilli()))
}

// readGenerations opens all secrets. A secret that another process sealed with a master key
// unknown to this one stays in use: see Ring.reopen.
func (r *Ring) readGenerations(ctx context.Context) (map[string][]generation, error) {
	stored, err := r.store.Secrets(ctx)
	if err != nil {
		return nil, fmt.Errorf("read secrets: %w", err)
	}
	all := map[string][]generation{}
	for _, s := range stored {
		name, g, err := r.openGeneration(s)
		if errors.Is(err, masterkey.ErrWrong) {
			if before, known := r.knownGeneration(s.Name); known {
				g, err = before, nil
			}
		}
		if err != nil {
			return nil, err
		}
		all[name] = append(all[name], g)
	}
	for _, list := range all {
		slices.SortFunc(list, func(a, b generation) int { return cmp.Compare(b.n, a.n) })
	}
	return all, nil
}

func (r *Ring) knownGeneration(stored string) (generation, bool) {
	s := r.now.Load()
	if s == nil {
		return generation{}, false
	}
	name, n := parseGeneration(stored)
	for _, g := range s.secrets[name] {
		if g.n == n {
			return g, true
		}
	}
	return generation{}, false
}

// Generations returns the values of a named secret that are accepted at now. New values use
// the first one. It does not read the store, and returns nothing for an unknown name.
func (r *Ring) Generations(name string, now time.Time) []Secret {
	var makes, accepted []Secret
	for _, g := range r.now.Load().secrets[name] { // newest first
		if makes == nil && !now.Before(g.from) {
			makes = []Secret{g.secret}
		} else {
			accepted = append(accepted, g.secret)
		}
		if g.n > 1 && !now.Before(g.until) {
			break // earlier ones have ended
		}
	}
	return append(makes, accepted...)
}

// SecretRotation is the result of rotating a named secret.
type SecretRotation struct {
	Name       string
	Generation int
	// From is when the new generation is first used. Until is when the earlier ones end.
	From, Until time.Time
}

// RotateSecret adds a generation of a named secret. Earlier generations are accepted for
// the time honour; with zero they end at once, which every process reads at its next reload
// ([ReloadEvery]). A new generation is used once every process can know it. Errors:
// ErrUnknownSecret, ErrHonour, ErrTooManyGenerations, and ErrConflict when another rotation
// was first.
func (r *Ring) RotateSecret(ctx context.Context, name string, honour time.Duration, now time.Time) (SecretRotation, error) {
	if honour < 0 || honour > MaxHonour || honour != 0 && honour < settle {
		return SecretRotation{}, fmt.Errorf("rotate secret %s: %w, and for at least %v", name, ErrHonour, settle)
	}
	if err := r.Reload(ctx); err != nil {
		return SecretRotation{}, fmt.Errorf("rotate secret %s: %w", name, err)
	}
	known := r.now.Load().secrets[name]
	switch {
	case len(known) == 0:
		return SecretRotation{}, fmt.Errorf("rotate secret %s: %w", name, ErrUnknownSecret)
	case len(known) >= maxGenerations:
		return SecretRotation{}, fmt.Errorf("rotate secret %s: %w", name, ErrTooManyGenerations)
	}
	now = millis(now)
	done := SecretRotation{Name: name, Generation: known[0].n + 1, From: now, Until: now}
	fresh := make([]byte, secretSize, generationSize)
	rand.Read(fresh) // never fails
	if honour > 0 {
		done.From, done.Until = now.Add(settle), now.Add(honour)
		fresh = appendMillis(appendMillis(fresh, done.From), done.Until)
	} else {
		// Without times, the earlier generations are invalid on every clock.
		fresh = appendMillis(appendMillis(fresh, time.Time{}), time.Time{})
	}
	stored := generationName(name, done.Generation)
	sealed, err := r.master.Seal(fresh, secretLabel(stored))
	if err == nil {
		err = r.store.AddGeneration(ctx, SealedSecret{Name: stored, Sealed: sealed}, done, now)
	}
	if err != nil {
		return SecretRotation{}, fmt.Errorf("rotate secret %s: %w", name, err)
	}
	return done, r.Reload(ctx)
}
