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
	Unavailable = errors.New("verify: not able to decide now")
	Stale       = fmt.Errorf("%w: the view of the revocation log is too old", Unavailable)
)

// Errors of a token. All wrap Invalid.
var (
	Invalid   = errors.New("verify: invalid token")
	Malformed = fmt.Errorf("%w: malformed", Invalid)
	Claims    = fmt.Errorf("%w: claims", Invalid)
	Expired   = fmt.Errorf("%w: expired", Invalid)
	Revoked   = fmt.Errorf("%w: revoked", Invalid)
	Outdated  = fmt.Errorf("%w: its claims have changed", Revoked)
)
