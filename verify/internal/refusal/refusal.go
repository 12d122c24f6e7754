// Package refusal holds the errors of package verify that its inner packages
// return as well. Package verify exports and documents each of them: this is the
// leaf that all of them can import.
package refusal

import (
	"errors"
	"fmt"
)

// Errors of a verifier that cannot decide about a token.
var (
	ErrUnavailable = errors.New("verify: not able to decide now")
	ErrStale       = fmt.Errorf("%w: the view of the revocation log is too old", ErrUnavailable)
)

// Errors of a token. All wrap ErrInvalid.
var (
	ErrInvalid   = errors.New("verify: invalid token")
	ErrMalformed = fmt.Errorf("%w: malformed", ErrInvalid)
	ErrClaims    = fmt.Errorf("%w: claims", ErrInvalid)
	ErrExpired   = fmt.Errorf("%w: expired", ErrInvalid)
	ErrRevoked   = fmt.Errorf("%w: revoked", ErrInvalid)
	ErrOutdated  = fmt.Errorf("%w: its claims have changed", ErrRevoked)
)
