package access

import (
	"net/http"
	"time"

	"github.com/portaria/portaria/internal/problem"
)

// proofAge is how long a proof of the password counts as fresh. clockSkew is how far
// the clock of the process that saw the proof may be ahead.
const (
	proofAge  = 5 * time.Minute
	clockSkew = 5 * time.Second
)

// Proved refuses an access token that does not come from a recent proof of the
// password: a sign-in or a step-up, not a refresh. Otherwise a stolen token could
// lock its owner out, or act as an administrator. The error is the challenge of RFC 9470.
func (c Caller) Proved() error {
	age := c.Use.At.Sub(c.Claims.AuthTime())
	if c.Claims.Fresh() && age >= -clockSkew && age <= proofAge {
		return nil
	}
	return problem.ProofRequired(proofAge)
}

// changes reports whether a request changes something of other people. A person
// then needs a fresh proof. The operator and services do not: they have short-lived
// tokens or a secret.
func (w Who) changes(method string) bool {
	return (w == Admin || w == RevocationWrite) && method != http.MethodGet && method != http.MethodHead
}
