package verify

import (
	"errors"
	"fmt"
	"slices"
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
	why     error       // why no token can be verified with set, nil if one can
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
	maxAge   time.Duration // of fetched keys
	state    keyState
	gone     []string // kids that were published once; under mu
}

// maxGone bounds the withdrawn kids that are remembered.
const maxGone = 128

var errNoUsableKey = errors.New("the issuer's key set has no key that can be used")

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
			return nil, secretError(a, err)
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

// secretError says what is wrong with a secret, and nothing about its value.
func secretError(a jose.Algorithm, err error) error {
	if err == nil || !a.Signs() || !a.Symmetric() {
		return fmt.Errorf("%w: SecretAlgorithm is not HS256, HS384 or HS512", ErrConfig)
	}
	return fmt.Errorf("%w: Secret: %w", ErrConfig, err)
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

// replace puts a newly fetched set in place, which the issuer published at a
// time. A key that is no longer in it, or no longer the one that its headers
// mean, is withdrawn at once, also for what was verified with it before. It
// returns why no token can be verified with the set, nil if one can.
func (s *keys) replace(set jose.KeySet, at time.Time) error {
	why := unusable(set)
	s.put(&view{set: set, why: why, until: at.Add(s.maxAge).UnixMilli()})
	return why
}

// usable returns the keys if tokens can be verified with them at a time, and
// otherwise nil and the reason, which is nil while there never were any.
func (s *keys) usable(now int64) (*view, error) {
	v := s.current.Load()
	switch {
	case v == nil:
		return nil, nil
	case v.why != nil:
		return nil, v.why
	case now >= v.until:
		return nil, fmt.Errorf("the issuer's keys are %v old, the limit is %v", s.age(now).Round(time.Second), s.maxAge)
	}
	return v, nil
}

// age is how long ago the issuer was last known to publish these keys, negative
// for keys that are not fetched or not known.
func (s *keys) age(now int64) time.Duration {
	v := s.current.Load()
	if v == nil || v.until == forever {
		return -1
	}
	return max(0, s.maxAge-time.Duration(v.until-now)*time.Millisecond)
}

// count is the number of keys that verify. A key that names no algorithm counts
// once.
func (s *keys) count() int {
	v := s.current.Load()
	if v == nil {
		return 0
	}
	kids := map[string]bool{}
	for _, k := range append(v.set.Keys(), v.secrets.Keys()...) {
		kids[k.Thumbprint()] = kids[k.Thumbprint()] || k.Algorithm().Signs()
	}
	if v.secret.Algorithm() != "" {
		kids[""] = true
	}
	n := 0
	for _, signs := range kids {
		if signs {
			n++
		}
	}
	return n
}

// withdrawn tells whether a kid was published once and is no longer.
func (s *keys) withdrawn(kid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return kid != "" && slices.Contains(s.gone, kid)
}

func (s *keys) put(next *view) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next.learned = map[string]known{}
	if old := s.current.Load(); old != nil {
		next.fetch = old.fetch + 1
		s.remember(old, next)
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

// remember notes the kids that are not in the next set any more. The lock is
// held.
func (s *keys) remember(old, next *view) {
	kids := func(v *view) (all []string) {
		for _, k := range append(v.set.Keys(), v.secrets.Keys()...) {
			all = append(all, k.Kid())
		}
		return all
	}
	now := kids(next)
	for _, kid := range slices.Compact(kids(old)) {
		if !slices.Contains(now, kid) && !slices.Contains(s.gone, kid) {
			s.gone = append(s.gone, kid)
		}
	}
	s.gone = slices.DeleteFunc(s.gone, func(kid string) bool { return slices.Contains(now, kid) })
	s.gone = s.gone[max(0, len(s.gone)-maxGone):]
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
