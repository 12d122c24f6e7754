package keyset

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify/internal/payload"
	"github.com/portaria/portaria/verify/internal/refusal"
)

// errNotKnownYet reports a key that the issuer may have published a moment ago.
var errNotKnownYet = fmt.Errorf("%w: the token's key is not known, and it may be new", refusal.ErrUnavailable)

// FindNew looks for a key that the view has not: the issuer may have published it
// since. It fetches the key set; while the keys come with the revocation feed it
// fetches nothing, and only decides whether the key may be new. issued is the
// token's "iat" and leeway the tolerated difference of clocks, in milliseconds.
//
// The error wraps [jose.ErrKey], so that the caller has to sign in again, only
// when the key cannot be new: it was withdrawn, a fetch that began after the token
// came does not have it, or the token is older than the newest key set.
func (r *Remote) FindNew(ctx context.Context, seen *View, h jose.Header, issued, leeway int64) (*View, jose.Key, error) {
	_, missing := seen.Find(h)
	if r.config.Feed.CarriesKeys() { // it brings every new key within a second
		if r.keys.Withdrawn(h.Kid) || r.settled(issued, leeway) {
			return seen, jose.Key{}, missing
		}
		return seen, jose.Key{}, errNotKnownYet
	}
	before, _ := r.fetches()
	for {
		number, failed := r.Refresh(ctx, false)
		seen = r.keys.current.Load()
		found, err := seen.Find(h)
		switch {
		case err == nil || number > before && failed == nil:
			return seen, found, err
		case errors.Is(ctx.Err(), context.Canceled):
			return seen, found, fmt.Errorf("verify: %w", ctx.Err())
		case number == 0 && (r.keys.Withdrawn(h.Kid) || r.settled(issued, leeway)):
			return seen, found, err
		case failed != nil:
			return seen, found, fmt.Errorf("%w: %w", refusal.ErrUnavailable, failed)
		case number == 0:
			return seen, found, errNotKnownYet
		}
		// That fetch began before the token came, perhaps before its key was
		// published.
	}
}

// settled reports whether a token is so old that its key would be known: the
// newest key set is later, by any clock within the leeway.
func (r *Remote) settled(issued, leeway int64) bool {
	if issued == payload.NoDate {
		return true // not a good token
	}
	_, good := r.fetches()
	known := good
	if at, ok := r.config.Feed.KeysAsOf(); ok && at.After(good) {
		known = at
	}
	return known.UnixMilli() > issued+leeway
}

// NoFeed is the feed of an issuer whose revocation feed is not followed.
type NoFeed struct{}

// Discovered ignores the addresses.
func (NoFeed) Discovered(string, string) {}

// CarriesKeys returns false.
func (NoFeed) CarriesKeys() bool { return false }

// KeysAsOf returns false.
func (NoFeed) KeysAsOf() (time.Time, bool) { return time.Time{}, false }
