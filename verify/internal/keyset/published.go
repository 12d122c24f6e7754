package keyset

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/jose"
)

var errNoUsableKey = errors.New("the issuer's key set has no key that can be used")

// UseStreamed uses a key set that the revocation feed has brought. Its error says
// that the text is not a key set: the keys then stay as they were.
func (s *Keys) UseStreamed(data []byte, now time.Time) error {
	set, err := s.parsePublished(data)
	if err != nil {
		return err
	}
	s.streamed.Add(1)
	if why := s.replace(set, now); why != nil {
		s.trouble.failed(why, now, 0, false)
	} else {
		s.trouble.fetched(now)
	}
	return nil
}

// parsePublished reads the key set of an issuer. It skips keys that must not be
// used and logs them with the reason, once for each set. A set without a usable
// key is read like any other: it withdraws every key.
func (s *Keys) parsePublished(data []byte) (jose.KeySet, error) {
	set, err := jose.ParsePublished(data)
	if err != nil {
		return jose.KeySet{}, err
	}
	what := skipped(set)
	if old := s.skipped.Swap(&what); what != "" && (old == nil || *old != what) {
		s.log.Warn("keys in the issuer's key set are not used", "keys", what)
	}
	return set, nil
}

// skipped lists the keys of a set that are not used, and why.
func skipped(set jose.KeySet) string {
	var all []string
	for _, k := range set.Skipped() {
		all = append(all, fmt.Sprintf("%d (kid %q): %v", k.Index, k.Kid, k.Reason))
	}
	return strings.Join(all, "; ")
}

// unusable returns why no token can be verified with a set, nil if one can.
func unusable(set jose.KeySet) error {
	for _, k := range set.Keys() {
		if k.Algorithm().Signs() {
			return nil
		}
	}
	if skipped := set.Skipped(); len(skipped) > 0 {
		return fmt.Errorf("%w; the first of %d: %w", errNoUsableKey, len(skipped), skipped[0].Reason)
	}
	return errNoUsableKey
}
