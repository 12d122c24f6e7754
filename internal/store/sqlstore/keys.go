package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// Keyring is the part of a Store that keeps keys and named secrets. It is a
// type of its own because keys and sessions both rotate.
type Keyring struct{ store *Store }

var _ keyring.Store = Keyring{}

// Keyring returns the part that fulfils [keyring.Store].
func (s *Store) Keyring() Keyring { return Keyring{s} }

// Keys implements [keyring.KeyStore].
func (k Keyring) Keys(ctx context.Context) ([]keyring.Record, error) {
	rows, err := read(ctx, k.store, (*query.Queries).Keys)
	records := make([]keyring.Record, len(rows))
	for i, row := range rows {
		records[i] = toRecord(row)
	}
	// Sorted here, because PostgreSQL would sort by the database's language.
	slices.SortFunc(records, func(a, b keyring.Record) int {
		return cmp.Or(cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.Seq, b.Seq))
	})
	return records, wrap("list keys", err)
}

// AddKey implements [keyring.KeyStore].
func (k Keyring) AddKey(ctx context.Context, r keyring.Record) error {
	_, err := write(ctx, k.store, func(q *query.Queries, ctx context.Context) (none, error) {
		return none{}, insertKey(ctx, q, r)
	})
	return wrap("add key", err)
}

// Rotate implements [keyring.KeyStore].
func (k Keyring) Rotate(ctx context.Context, predecessor string, successor keyring.Record) error {
	_, err := writeLog(ctx, k.store, "", func(q *query.Queries, ctx context.Context, add *additions) (none, error) {
		if err := retire(ctx, q, predecessor, successor.ActivateAt); err != nil {
			return none{}, err
		}
		add.rotated(predecessor, successor)
		return none{}, insertKey(ctx, q, successor)
	})
	return wrap("rotate key", err)
}

// rotated adds the event of a key that will replace another one.
func (add *additions) rotated(predecessor string, successor keyring.Record) {
	add.event(event.Event{
		Type: event.KeyRotated, At: successor.CreatedAt, KeyID: successor.Kid, Detail: map[string]string{
			"predecessor": predecessor, "signs_from": successor.ActivateAt.UTC().Format(time.RFC3339), "algorithm": successor.Algorithm,
		},
	})
}

// RetireKey implements [keyring.KeyStore].
func (k Keyring) RetireKey(ctx context.Context, kid string, at time.Time) error {
	_, err := writeAll(ctx, k.store, func(q *query.Queries, ctx context.Context) (none, error) {
		return none{}, retire(ctx, q, kid, at)
	})
	return wrap("retire key", err)
}

func retire(ctx context.Context, q *query.Queries, kid string, at time.Time) error {
	rows, err := q.RetireKey(ctx, nullMillis(at), kid)
	return changed(ctx, q, kid, rows, err)
}

// changed says why an update of a key has changed none.
func changed(ctx context.Context, q *query.Queries, kid string, rows int64, err error) error {
	if err != nil || rows > 0 {
		return err
	}
	exists, err := q.KeyExists(ctx, kid)
	switch {
	case err != nil:
		return err
	case exists:
		return keyring.ErrConflict
	}
	return keyring.ErrNotFound
}

// Replace implements [keyring.KeyStore].
func (k Keyring) Replace(ctx context.Context, r keyring.Replacement) error {
	_, err := writeLog(ctx, k.store, "", func(q *query.Queries, ctx context.Context, add *additions) (none, error) {
		add.rotated(r.Predecessor, r.Successor)
		if r.Withdrawn != "" {
			rows, err := q.WithdrawKey(ctx, nullMillis(r.At), r.Withdrawn)
			if err := changed(ctx, q, r.Withdrawn, rows, err); err != nil {
				return none{}, err
			}
		}
		rows, err := q.MoveRetirement(ctx, nullMillis(r.Successor.ActivateAt), r.Predecessor)
		if err := changed(ctx, q, r.Predecessor, rows, err); err != nil {
			return none{}, err
		}
		return none{}, insertKey(ctx, q, r.Successor)
	})
	return wrap("replace key", err)
}

// HastenKey implements [keyring.KeyStore].
func (k Keyring) HastenKey(ctx context.Context, kid string, at time.Time) error {
	_, err := writeAll(ctx, k.store, func(q *query.Queries, ctx context.Context) (none, error) {
		rows, err := q.HastenKey(ctx, nullMillis(at), kid)
		return none{}, changed(ctx, q, kid, rows, err)
	})
	return wrap("hasten key", err)
}

// KillKey implements [keyring.KeyStore].
func (k Keyring) KillKey(ctx context.Context, kid string, at time.Time) error {
	_, err := writeLog(ctx, k.store, "", func(q *query.Queries, ctx context.Context, add *additions) (none, error) {
		rows, err := q.KillKey(ctx, nullMillis(at), kid)
		if err := changed(ctx, q, kid, rows, err); err != nil {
			return none{}, unless(err, keyring.ErrConflict) // killed already
		}
		add.rules = append(add.rules, addedRule{Rule: rule.Rule{Kind: rule.Key, Value: kid, Mode: rule.Hard, At: at}})
		add.event(event.Event{Type: event.KeyKilled, At: at, KeyID: kid})
		return none{}, nil
	})
	return missing("kill key", err, keyring.ErrNotFound)
}

// unless is err, or nil when err is only what was to be expected.
func unless(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// RaiseTTL implements [keyring.KeyStore].
func (k Keyring) RaiseTTL(ctx context.Context, kid string, ttl time.Duration) error {
	rows, err := write(ctx, k.store, func(q *query.Queries, ctx context.Context) (int64, error) {
		return q.RaiseTTL(ctx, wholeMillis(ttl), kid)
	})
	return some("raise lifetime of key", rows, err, keyring.ErrNotFound)
}

// wholeMillis rounds up: a lifetime noted too short would let a key go while
// its last token is still good.
func wholeMillis(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// Reseal implements [keyring.KeyStore].
func (k Keyring) Reseal(ctx context.Context, kid string, old, sealed []byte) error {
	rows, err := write(ctx, k.store, func(q *query.Queries, ctx context.Context) (int64, error) {
		return q.ResealKey(ctx, query.ResealKeyParams{Sealed: present(sealed), Kid: kid, Old: present(old)})
	})
	return some("reseal key", rows, err, keyring.ErrConflict)
}

// DeleteKey implements [keyring.KeyStore].
func (k Keyring) DeleteKey(ctx context.Context, kid string) (bool, error) {
	rows, err := write(ctx, k.store, func(q *query.Queries, ctx context.Context) (int64, error) {
		return q.DeleteKey(ctx, kid)
	})
	return rows > 0, wrap("delete key", err)
}

// Secret implements [keyring.SecretStore].
func (k Keyring) Secret(ctx context.Context, name string) ([]byte, error) {
	sealed, err := read(ctx, k.store, func(q *query.Queries, ctx context.Context) ([]byte, error) {
		return q.Secret(ctx, name)
	})
	return bytesOrNil(sealed), missing("find secret", err, keyring.ErrNotFound)
}

// AddSecret implements [keyring.SecretStore].
func (k Keyring) AddSecret(ctx context.Context, s keyring.SealedSecret) error {
	_, err := write(ctx, k.store, func(q *query.Queries, ctx context.Context) (none, error) {
		return none{}, q.InsertSecret(ctx, s.Name, present(s.Sealed))
	})
	return wrap("add secret", err)
}

// AddGeneration implements [keyring.SecretStore].
func (k Keyring) AddGeneration(ctx context.Context, s keyring.SealedSecret, done keyring.SecretRotation, at time.Time) error {
	_, err := writeLog(ctx, k.store, "", func(q *query.Queries, ctx context.Context, add *additions) (none, error) {
		add.event(event.Event{Type: event.SecretRotated, At: at, Reason: done.Name, Detail: map[string]string{
			"generation": strconv.Itoa(done.Generation), "honoured_until": done.Until.Format(time.RFC3339),
		}})
		return none{}, q.InsertSecret(ctx, s.Name, present(s.Sealed))
	})
	return wrap("add generation of secret", err)
}

// Secrets implements [keyring.SecretStore].
func (k Keyring) Secrets(ctx context.Context) ([]keyring.SealedSecret, error) {
	rows, err := read(ctx, k.store, (*query.Queries).Secrets)
	secrets := make([]keyring.SealedSecret, len(rows))
	for i, row := range rows {
		secrets[i] = keyring.SealedSecret{Name: row.Name, Sealed: bytesOrNil(row.Sealed)}
	}
	slices.SortFunc(secrets, func(a, b keyring.SealedSecret) int { return strings.Compare(a.Name, b.Name) })
	return secrets, wrap("list secrets", err)
}

// ResealSecret implements [keyring.SecretStore].
func (k Keyring) ResealSecret(ctx context.Context, name string, old, sealed []byte) error {
	rows, err := write(ctx, k.store, func(q *query.Queries, ctx context.Context) (int64, error) {
		return q.ResealSecret(ctx, query.ResealSecretParams{Sealed: present(sealed), Name: name, Old: present(old)})
	})
	return some("reseal secret", rows, err, keyring.ErrConflict)
}

func insertKey(ctx context.Context, q *query.Queries, r keyring.Record) error {
	return q.InsertKey(ctx, query.InsertKeyParams{
		Kid:        r.Kid,
		Purpose:    string(r.Purpose),
		Seq:        r.Seq,
		Algorithm:  r.Algorithm,
		Public:     present(r.Public),
		Sealed:     present(r.Sealed),
		CreatedAt:  nullMillis(r.CreatedAt),
		ActivateAt: nullMillis(r.ActivateAt),
		RetireAt:   nullMillis(r.RetireAt),
		KilledAt:   nullMillis(r.KilledAt),
		LongestTtl: wholeMillis(r.LongestTTL),
	})
}

func toRecord(row query.Key) keyring.Record {
	return keyring.Record{
		Kid:        row.Kid,
		Purpose:    keyring.Purpose(row.Purpose),
		Seq:        row.Seq,
		Algorithm:  row.Algorithm,
		Public:     bytesOrNil(row.Public),
		Sealed:     bytesOrNil(row.Sealed),
		CreatedAt:  nullMoment(row.CreatedAt),
		ActivateAt: nullMoment(row.ActivateAt),
		RetireAt:   nullMoment(row.RetireAt),
		KilledAt:   nullMoment(row.KilledAt),
		LongestTTL: time.Duration(row.LongestTtl) * time.Millisecond,
	}
}
