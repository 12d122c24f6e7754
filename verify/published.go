package verify

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/portaria/portaria/internal/jose"
)

// published reads the key set of an issuer. Keys that must not be used are left
// out and logged with the reason, once for each set. A set without a usable key
// is read like any other: it withdraws every key. Errors report text that is no
// key set.
func (s *keys) published(data []byte, log *slog.Logger) (jose.KeySet, error) {
	set, err := jose.ParsePublished(data)
	if err != nil {
		return jose.KeySet{}, err
	}
	what := leftOut(set)
	if old := s.left.Swap(&what); what != "" && (old == nil || *old != what) {
		log.Warn("keys in the issuer's key set are not used", "keys", what)
	}
	return set, nil
}

// leftOut lists the keys of a set that are not used, and why.
func leftOut(set jose.KeySet) string {
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
