// Package keyset holds the keys that a verifier verifies with. It fetches the
// issuer's published set in the background, learns which key a header means, and
// withdraws keys that the issuer publishes no more.
package keyset

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/jose"
)

// Key is a key that has verified a signature. A record of a verified token points
// to the key and not to its kid, because an issuer may use one kid for another
// key later.
type Key struct {
	jose.Key
	withdrawn atomic.Bool
}

// Withdrawn reports whether the issuer has withdrawn the key: what was verified
// with it must be verified again.
func (k *Key) Withdrawn() bool { return k.withdrawn.Load() }

// Known is a header that came with a good signature, and its key. It is parsed
// and its key is found once for each key, not once for each token.
type Known struct {
	Header jose.Header
	Key    *Key
}

// View is the key set at one time. It never changes.
type View struct {
	set     jose.KeySet
	secrets jose.KeySet // beside set
	secret  jose.Key    // instead of both
	why     error       // why no token can be verified with set, nil if one can
	until   int64       // milliseconds since 1970: the keys are too old from then on
	version int         // rises with each set
	learned map[string]Known
}

// Learned returns what is known of an encoded header.
func (v *View) Learned(encoded string) (Known, bool) {
	k, ok := v.learned[encoded]
	return k, ok
}

// Find returns the key for a header. A single secret needs no kid.
func (v *View) Find(h jose.Header) (jose.Key, error) {
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

// forever is the age limit of keys that are not fetched.
const forever = 1<<63 - 1

// maxLearned bounds the learned headers. A header is learned only from a token of
// the issuer, so that their number is the number of its keys.
const maxLearned = 64

// maxGone bounds the withdrawn kids that are remembered.
const maxGone = 128

// keyAgeStep is how often the age limit is moved, in milliseconds.
const keyAgeStep = 60_000

// Keys are the keys of one verifier. They are safe for concurrent use.
type Keys struct {
	log     *slog.Logger
	maxAge  time.Duration // of fetched keys
	current atomic.Pointer[View]
	// streamed counts the key sets that came with the revocation feed.
	streamed atomic.Int64
	skipped  atomic.Pointer[string] // the skipped keys that were logged last
	trouble  trouble

	mu   sync.Mutex // held while current is replaced
	gone []string   // kids that were published once
}

// NewPublished returns keys that will be fetched or streamed. They may be used
// for maxAge after the issuer last published them.
func NewPublished(maxAge time.Duration, log *slog.Logger) *Keys {
	return &Keys{maxAge: maxAge, log: log, trouble: trouble{log: log}}
}

// NewManual returns keys that [Keys.Replace] sets.
func NewManual() *Keys { return &Keys{} }

// NewFixed returns the keys of a public set (JWKS or one JWK), which never change.
// Errors wrap [jose.ErrKey] or say what is wrong with the text.
func NewFixed(public []byte) (*Keys, error) {
	set, err := parsePublic(public)
	if err != nil {
		return nil, err
	}
	s := &Keys{}
	s.current.Store(&View{set: set, until: forever})
	return s, nil
}

// NewSecret returns a single HMAC key, which never changes.
func NewSecret(k jose.Key) *Keys {
	s := &Keys{}
	s.current.Store(&View{secret: k, until: forever})
	return s
}

// parsePublic reads a key set that is public. A private key in it is no longer
// private, and with a published secret anybody can sign.
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

// Usable returns the keys if tokens can be verified with them at a time, in
// milliseconds since 1970. Otherwise it returns nil and the reason, which is nil
// before the first key set.
func (s *Keys) Usable(now int64) (*View, error) {
	v := s.current.Load()
	switch {
	case v == nil:
		return nil, nil
	case v.why != nil:
		return nil, v.why
	case now >= v.until:
		return nil, fmt.Errorf("the issuer's keys are %v old, the limit is %v", s.Age(now).Round(time.Second), s.maxAge)
	}
	return v, nil
}

// Until returns until when the keys may be used, in milliseconds since 1970. Call
// it only once there are keys.
func (s *Keys) Until() int64 { return s.current.Load().until }

// Age returns how long ago the issuer was last known to publish these keys,
// negative for keys that are not fetched or not known. now is in milliseconds
// since 1970.
func (s *Keys) Age(now int64) time.Duration {
	v := s.current.Load()
	if v == nil || v.until == forever {
		return -1
	}
	return max(0, s.maxAge-time.Duration(v.until-now)*time.Millisecond)
}

// Aging returns how old the keys are, since when every attempt to fetch others
// has failed, and the newest error; a nil error while fetching works or the keys
// are younger than half of their limit.
func (s *Keys) Aging(now int64) (age time.Duration, since time.Time, err error) {
	since, err = s.trouble.failure()
	if age = s.Age(now); age < s.maxAge/2 {
		return age, since, nil
	}
	return age, since, err
}

// MaxAge is how long fetched keys may be used.
func (s *Keys) MaxAge() time.Duration { return s.maxAge }

// Failure returns why the newest key set could not be fetched or used, nil if it
// could.
func (s *Keys) Failure() error {
	_, err := s.trouble.failure()
	return err
}

// Count returns the number of keys that verify. A key that names no algorithm
// counts once.
func (s *Keys) Count() int {
	v := s.current.Load()
	if v == nil {
		return 0
	}
	signs := map[string]bool{}
	for _, k := range append(v.set.Keys(), v.secrets.Keys()...) {
		signs[k.Thumbprint()] = signs[k.Thumbprint()] || k.Algorithm().Signs()
	}
	if v.secret.Algorithm() != "" {
		signs[""] = true
	}
	n := 0
	for _, yes := range signs {
		if yes {
			n++
		}
	}
	return n
}

// Withdrawn reports whether a kid was published once and is not any more.
func (s *Keys) Withdrawn(kid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return kid != "" && slices.Contains(s.gone, kid)
}

// replace uses a set that the issuer published at a time. A key that is not in
// it, or that its headers no longer mean, is withdrawn at once, also for what was
// verified with it before. It returns why no token can be verified with the set,
// nil if one can.
func (s *Keys) replace(set jose.KeySet, at time.Time) error {
	why := unusable(set)
	s.put(&View{set: set, why: why, until: at.Add(s.maxAge).UnixMilli()})
	return why
}

func (s *Keys) put(next *View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next.learned = map[string]Known{}
	if old := s.current.Load(); old != nil {
		next.version = old.version + 1
		s.remember(old, next)
		for encoded, k := range old.learned {
			found, err := next.Find(k.Header)
			if err != nil || found.Algorithm() != k.Key.Algorithm() || found.Thumbprint() != k.Key.Thumbprint() {
				k.Key.withdrawn.Store(true)
				continue
			}
			next.learned[encoded] = k
		}
	}
	s.current.Store(next)
}

// remember notes the kids that are not in the next set any more. The lock is
// held.
func (s *Keys) remember(old, next *View) {
	kids := func(v *View) (all []string) {
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

// Confirm moves the age limit of keys that the issuer still publishes at a time.
func (s *Keys) Confirm(at time.Time) {
	until := at.Add(s.maxAge).UnixMilli()
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.current.Load(); now != nil && until > now.until+keyAgeStep {
		next := *now
		next.until = until
		s.current.Store(&next)
	}
}

// Learn keeps a header and its key, which were found in a view, and returns the
// key. When the keys have changed since, it keeps nothing, and the key that it
// returns is withdrawn already.
func (s *Keys) Learn(from *View, encoded string, h jose.Header, found jose.Key) *Key {
	k := &Key{Key: found}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.current.Load()
	if now.version != from.version {
		k.withdrawn.Store(true)
		return k
	}
	if known, ok := now.learned[encoded]; ok {
		return known.Key
	}
	next := *now
	next.learned = make(map[string]Known, len(now.learned)+1)
	for name, known := range now.learned {
		if len(now.learned) < maxLearned {
			next.learned[name] = known
		} else {
			known.Key.withdrawn.Store(true) // no longer followed: verify again
		}
	}
	next.learned[strings.Clone(encoded)] = Known{h, k} // a copy, or the whole token would stay in memory
	s.current.Store(&next)
	return k
}
