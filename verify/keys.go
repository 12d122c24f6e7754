package verify

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/jose"
)

// key is a key that a good signature was made with. Whatever was verified with
// it holds the key itself, not its kid: an issuer may use one kid for another
// key later.
type key struct {
	jose.Key
	withdrawn atomic.Bool
}

// known is a header by value that came with a good signature, so that it is
// parsed and its key found once for each key, not once for each token.
type known struct {
	header jose.Header
	key    *key
}

// view is what is known of the keys at one time. It never changes.
type view struct {
	set     jose.KeySet
	secrets jose.KeySet // beside set
	secret  jose.Key    // instead of both
	until   int64       // milliseconds; the keys are stale from then on
	fetch   int         // which fetch it is of
	learned map[string]known
}

// forever is the age limit of keys that are not fetched.
const forever = 1<<63 - 1

// maxLearned bounds the learned headers. A header is learned only from a token
// of the issuer, so that their number is the number of its keys.
const maxLearned = 64

// keys are the keys that verify, and how they change.
type keys struct {
	current atomic.Pointer[view]   // nil until there are any
	mu      sync.Mutex             // held while current is replaced
	left    atomic.Pointer[string] // which keys of the issuer's set are not used, as was logged
	// streamed counts the key sets that came with the revocation feed.
	streamed atomic.Int64
}

// staticKeys returns the keys of a configuration that names them.
func staticKeys(c Config) (*keys, error) {
	if c.ManualKeys {
		return &keys{}, nil
	}
	v := &view{until: forever}
	if c.Secret != nil {
		a := jose.Algorithm(c.SecretAlgorithm)
		k, err := jose.NewKey(a, []byte(c.Secret))
		if err != nil || !a.Signs() || !a.Symmetric() {
			return nil, fmt.Errorf("%w: Secret: shorter than the hash, or SecretAlgorithm is not HS256, HS384 or HS512", ErrConfig)
		}
		v.secret = k
	} else {
		set, err := parsePublic(c.KeySet)
		if err != nil {
			return nil, fmt.Errorf("%w: KeySet: %w", ErrConfig, err)
		}
		v.set = set
	}
	s := &keys{}
	s.current.Store(v)
	return s, nil
}

// parsePublic reads a key set that is public. A private key in it is no longer
// private, and a published secret signs for everybody.
func parsePublic(data []byte) (jose.KeySet, error) {
	set, err := jose.ParseKeySet(data)
	if err != nil {
		return jose.KeySet{}, err
	}
	verifies := false
	for _, k := range set.Keys() {
		if k.Private() {
			return jose.KeySet{}, fmt.Errorf("%w: a private key or secret in a public set", jose.ErrKey)
		}
		verifies = verifies || k.Algorithm().Signs()
	}
	if !verifies {
		return jose.KeySet{}, fmt.Errorf("%w: none that verifies", jose.ErrKey)
	}
	return set, nil
}

// find returns the key for a header. A secret has no need of a kid.
func (v *view) find(h jose.Header) (jose.Key, error) {
	if v.secret.Algorithm() == "" {
		k, err := v.set.Find(h)
		if errors.Is(err, jose.ErrNoKey) {
			return v.secrets.Find(h)
		}
		return k, err
	}
	if v.secret.Algorithm() != h.Algorithm {
		return jose.Key{}, jose.ErrAlgorithm
	}
	return v.secret, nil
}

// replace puts a newly fetched set in place. A key that is no longer in it, or
// no longer the one that its headers mean, is withdrawn at once, also for what
// was verified with it before.
func (s *keys) replace(set jose.KeySet, until time.Time) {
	s.put(&view{set: set, until: until.UnixMilli()})
}

func (s *keys) put(next *view) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next.learned = map[string]known{}
	if old := s.current.Load(); old != nil {
		next.fetch = old.fetch + 1
		for encoded, k := range old.learned {
			found, err := next.find(k.header)
			if err != nil || found.Algorithm() != k.key.Algorithm() || found.Thumbprint() != k.key.Thumbprint() {
				k.key.withdrawn.Store(true)
				continue
			}
			next.learned[encoded] = k
		}
	}
	s.current.Store(next)
}

// extend moves the age limit of keys that the issuer still publishes.
func (s *keys) extend(until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.current.Load(); now != nil && until.UnixMilli() > now.until+keyAgeStep {
		next := *now
		next.until = until.UnixMilli()
		s.current.Store(&next)
	}
}

// keyAgeStep is how often the age limit is moved, in milliseconds.
const keyAgeStep = 60_000

// learn keeps a header and its key. It returns the key to hold on to, nil if
// the keys have changed since the view was taken.
func (s *keys) learn(from *view, encoded string, h jose.Header, found jose.Key) *key {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.current.Load()
	if now.fetch != from.fetch {
		return nil
	}
	if k, ok := now.learned[encoded]; ok {
		return k.key
	}
	next := *now
	next.learned = make(map[string]known, len(now.learned)+1)
	for name, k := range now.learned {
		if len(now.learned) < maxLearned {
			next.learned[name] = k
		} else {
			k.key.withdrawn.Store(true) // no longer followed: verify anew
		}
	}
	k := &key{Key: found}
	next.learned[strings.Clone(encoded)] = known{h, k} // not the whole token with it
	s.current.Store(&next)
	return k
}
