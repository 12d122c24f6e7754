package access

import (
	"net/http"
	"time"

	"github.com/portaria/portaria/internal/problem"
)

// proofAge is how long a proof of the password counts as fresh, and clockSkew
// how far in the future another process may have seen it.
const (
	proofAge  = 5 * time.Minute
	clockSkew = 5 * time.Second
)

// Proved refuses a caller whose access token does not come from a recent proof
// of the password: a sign-in or a step-up, and not a refresh. A stolen token
// must not be enough to lock its owner out, or to change what an administrator
// changes. The error is the challenge of RFC 9470.
func (c Caller) Proved() error {
	age := c.Use.At.Sub(c.Claims.AuthTime())
	if c.Claims.Fresh() && age >= -clockSkew && age <= proofAge {
		return nil
	}
	return problem.ProofRequired(proofAge)
}

// changes reports whether a request to this route changes what belongs to
// others. A person then needs a fresh proof; the operator and services have
// short tokens or a secret.
func (w Who) changes(method string) bool {
	return (w == Admin || w == RevocationWrite) && method != http.MethodGet && method != http.MethodHead
}
