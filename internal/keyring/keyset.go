package keyring

import (
	"crypto/sha256"
	"time"

	"github.com/portaria/portaria/internal/jose"
)

// KeySet is the published key set (RFC 7517, section 5) at one moment.
type KeySet struct {
	// JSON is the document; the caller must not change it.
	JSON []byte
	// ETag is a strong entity tag in quotes (RFC 9110, section 8.8.3): a
	// function of the document alone, equal in every process.
	ETag string
}

// keySet is a KeySet and the time during which it is valid.
type keySet struct {
	KeySet
	from, until time.Time // until is zero if no change is planned
}

// KeySet returns the key set published at now: the public halves of all next, active and
// retired signing keys, by seq.
func (r *Ring) KeySet(now time.Time) KeySet { return r.now.Load().KeySet(now) }

// KeySet is [Ring.KeySet] for one view.
func (s *snapshot) KeySet(now time.Time) KeySet {
	if set := s.set.Load(); set != nil && !now.Before(set.from) && (set.until.IsZero() || now.Before(set.until)) {
		return set.KeySet
	}
	set := s.buildKeySet(now)
	s.set.Store(set)
	return set.KeySet
}

func (s *snapshot) buildKeySet(now time.Time) *keySet {
	set := &keySet{from: now}
	var keys [][]byte
	for i := range s.records {
		key := s.byKid[s.records[i].Kid]
		if key.record.Purpose != Signing || !key.State(now).Published() {
			continue
		}
		if gone := key.record.GoneAt(); !gone.IsZero() && (set.until.IsZero() || gone.Before(set.until)) {
			set.until = gone
		}
		// Only common kinds of keys sign, because one exotic key in a set makes several
		// libraries reject the whole set. A symmetric key has no public half.
		if public := key.PublicJWK(); public != nil {
			keys = append(keys, public)
		}
	}
	set.JSON = jose.KeySetJSON(keys)
	sum := sha256.Sum256(set.JSON)
	set.ETag = `"` + jose.Encode(sum[:]) + `"`
	return set
}
