package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify/internal/payload"
)

// errNotKnownYet reports a key that the issuer may have published a moment ago.
var errNotKnownYet = fmt.Errorf("%w: the token's key is not known, and it may be new", ErrUnavailable)

// findNew looks for a key that is not among the known ones: the issuer may have
// published it since. While keys come with the feed it only says whether to wait. Its error wraps jose.ErrKey, so that the caller has to
// sign in again, only when the key cannot be new: it was withdrawn, a fetch that
// began after the token had come does not have it, or the token is older than
// the newest fetch.
func (v *Verifier) findNew(ctx context.Context, seen *view, h jose.Header, issued int64) (*view, jose.Key, error) {
	_, missing := seen.find(h)
	if v.remote.streams() { // the feed brings every new key within a second
		if v.keys.withdrawn(h.Kid) || v.settled(issued) {
			return seen, jose.Key{}, missing
		}
		return seen, jose.Key{}, errNotKnownYet
	}
	before, _ := v.remote.fetches()
	for {
		number, failed := v.remote.refresh(ctx, false)
		seen = v.keys.current.Load()
		found, err := seen.find(h)
		switch {
		case err == nil || number > before && failed == nil:
			return seen, found, err
		case errors.Is(ctx.Err(), context.Canceled):
			return seen, found, fmt.Errorf("verify: %w", ctx.Err())
		case number == 0 && (v.keys.withdrawn(h.Kid) || v.settled(issued)):
			return seen, found, err
		case failed != nil:
			return seen, found, fmt.Errorf("%w: %w", ErrUnavailable, failed)
		case number == 0:
			return seen, found, errNotKnownYet
		}
		// That fetch began before the token came, and perhaps before its key was
		// published.
	}
}

// settled tells whether a token that was issued at a time is so old that its key
// would be known: the newest keys are from later, by any clock within the leeway.
func (v *Verifier) settled(issued int64) bool {
	if issued == payload.NoDate {
		return true // no good token
	}
	_, good := v.remote.fetches()
	known := good.UnixMilli()
	if f := v.follower; f != nil && f.hasKeys.Load() {
		if at := f.asOf.Load(); at != nil {
			known = max(known, at.wall)
		}
	}
	return known > issued+v.policy.leeway
}
