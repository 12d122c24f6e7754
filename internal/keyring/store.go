package keyring

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrConflict reports that another process wrote first: the kid, the pair (purpose,
	// seq) or the name of the secret exists, the predecessor is already being retired, or
	// the sealed bytes changed. Nothing was written. The caller reads again and decides
	// again.
	ErrConflict = errors.New("key store: another writer was first")

	// ErrNotFound reports an unknown kid or an unknown secret name.
	ErrNotFound = errors.New("key store: not found")
)

// Purpose is the use of a key, with the words of RFC 7517, section 4.2.
type Purpose string

// The purposes of keys. The zero value is no purpose and is refused.
const (
	Signing    Purpose = "sig"
	Encryption Purpose = "enc"
)

// Record is a key as the store has it. Times are in UTC with a resolution of one
// millisecond; the zero time means "not set". A store computes nothing: [Record.State]
// computes the state from these times.
type Record struct {
	// Kid is the RFC 7638 thumbprint of the key (SHA-256, base64url), or the
	// kid that an imported key brought along. Unique over all purposes.
	Kid string
	// Purpose and Seq order the keys; the pair is unique. Seq starts at 1.
	Purpose Purpose
	Seq     int64
	// Algorithm is the one JWA algorithm that this key may be used with.
	Algorithm string
	// Public is the public half as JWK (JSON); empty for symmetric keys.
	Public []byte
	// Sealed is the private half, encrypted with the master key with the kid
	// as associated data; empty for keys that only verify.
	Sealed []byte

	CreatedAt time.Time
	// ActivateAt is when the key begins to sign; it is published before that.
	ActivateAt time.Time
	// RetireAt is when the key stops signing. It stays published until the
	// last token that it signed has expired, see [Record.GoneAt].
	RetireAt time.Time
	// KilledAt is when the key was revoked. From then on it is not published, and its
	// tokens are rejected. A key that was withdrawn before it signed has equal RetireAt and
	// KilledAt, both before ActivateAt.
	KilledAt time.Time
	// LongestTTL is the longest lifetime of any token that the key may have signed, in
	// whole milliseconds. It never becomes shorter.
	LongestTTL time.Duration
}

// Replacement is the input of [KeyStore.Replace].
type Replacement struct {
	// Predecessor is the kid of the key that signs.
	Predecessor string
	// Withdrawn is the kid of the next key; empty if that key is already killed.
	Withdrawn string
	At        time.Time
	Successor Record
}

// SealedSecret is a named secret as the store has it. The master key seals it with the name
// as associated data.
type SealedSecret struct {
	Name   string
	Sealed []byte
}

// Store keeps keys and named secrets. Every method is one atomic step, durable
// when it returns nil; several processes may share one store.
type Store interface {
	KeyStore
	SecretStore
}

// KeyStore keeps keys from creation to deletion.
type KeyStore interface {
	// Keys returns every record, ordered by purpose and seq.
	Keys(ctx context.Context) ([]Record, error)

	// AddKey adds a record as it is given. It returns ErrConflict when the kid
	// or the pair (purpose, seq) exists.
	AddKey(ctx context.Context, r Record) error

	// Rotate adds the successor as it is given and, in the same step, sets RetireAt of
	// the key named predecessor to successor.ActivateAt. It returns ErrConflict, and
	// writes nothing, when the successor's kid or (purpose, seq) exists or when the
	// predecessor's RetireAt or KilledAt is set already; ErrNotFound if the predecessor
	// does not exist.
	Rotate(ctx context.Context, predecessor string, successor Record) error

	// RetireKey sets RetireAt of a key. It returns ErrConflict when RetireAt or KilledAt
	// is set already, and ErrNotFound for an unknown key.
	RetireKey(ctx context.Context, kid string, at time.Time) error

	// Replace replaces the next key. In one step it withdraws that key (RetireAt and
	// KilledAt become At) unless Withdrawn is empty, moves RetireAt of the predecessor to
	// Successor.ActivateAt, and adds the successor unchanged. It returns ErrConflict, and
	// writes nothing, if the successor's kid or (purpose, seq) exists, if the predecessor
	// is killed, or if the withdrawn key has its RetireAt or KilledAt or signs at At. It
	// returns ErrNotFound if one of the two does not exist.
	Replace(ctx context.Context, r Replacement) error

	// HastenKey moves ActivateAt of a key to at, unless it is earlier already. It returns
	// ErrConflict for a killed key and ErrNotFound for an unknown one.
	HastenKey(ctx context.Context, kid string, at time.Time) error

	// KillKey sets KilledAt of a key, unless it is set already. It returns ErrNotFound for
	// an unknown key.
	KillKey(ctx context.Context, kid string, at time.Time) error

	// RaiseTTL sets LongestTTL of a key to the greater of its value and ttl. It returns
	// ErrNotFound for an unknown key.
	RaiseTTL(ctx context.Context, kid string, ttl time.Duration) error

	// Reseal replaces the sealed bytes of a key if they still equal old. It returns
	// ErrConflict if they do not, or for an unknown key.
	Reseal(ctx context.Context, kid string, old, sealed []byte) error

	// DeleteKey deletes a key and returns whether there was one. The ring never deletes a
	// killed key, so that it cannot be imported again, and other keys only after their last
	// token has expired.
	DeleteKey(ctx context.Context, kid string) (bool, error)
}

// SecretStore keeps named secrets.
type SecretStore interface {
	// Secret returns the sealed bytes of a secret, or ErrNotFound.
	Secret(ctx context.Context, name string) ([]byte, error)

	// AddSecret adds a secret. It returns ErrConflict when the name exists.
	AddSecret(ctx context.Context, s SealedSecret) error

	// AddGeneration adds a secret that is a new generation of a named one, and
	// writes the event of the rotation in the same step. It returns ErrConflict
	// when the name exists.
	AddGeneration(ctx context.Context, s SealedSecret, done SecretRotation, at time.Time) error

	// Secrets returns every secret, ordered by name.
	Secrets(ctx context.Context) ([]SealedSecret, error)

	// ResealSecret replaces the sealed bytes of a secret if they still equal
	// old. It returns ErrConflict when they do not or when there is none.
	ResealSecret(ctx context.Context, name string, old, sealed []byte) error
}
