package selfverify

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify"
)

// withNewKeys verifies a request, and once more if the key of the token is unknown: another
// process may have created it a moment ago. If the store cannot be read, the error is
// ErrUnavailable and not a refusal, because clients sign people out after a refusal.
func (v *Verifiers) withNewKeys(
	r *http.Request, check func(*http.Request) (verify.Claims, verify.Place, error),
) (verify.Claims, verify.Place, error) {
	claims, place, err := check(r)
	if !errors.Is(err, verify.ErrKey) {
		return claims, place, err
	}
	known, failed := v.Ring.Seek(r.Context(), kidOf(tokenAt(r, place)))
	switch {
	case failed != nil:
		return claims, place, fmt.Errorf("%w: %w", verify.ErrUnavailable, failed)
	case !known:
		return claims, place, err
	}
	return check(r)
}

// kidOf returns the kid in the unverified header of a token, or "".
func kidOf(raw string) string {
	encoded, _, _ := strings.Cut(raw, ".")
	header, err := jose.ParseHeader(encoded)
	if err != nil {
		return ""
	}
	return header.Kid
}
