package verify

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/problem"
)

// WriteError writes the answer that [Verifier.Require] gives to an error of
// [Verifier.VerifyRequest], [Verifier.Verify] or [Verifier.Check]: a problem (RFC
// 9457) with the right status and challenge. The text of the error is for a log
// and not in it. Any other error is answered with 503.
func WriteError(w http.ResponseWriter, err error) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	a := rowOf(err).Answer(nil)
	if errors.Is(err, ErrStale) {
		a.RetryAfter = time.Second // a feed that can be reached again is followed within a second
	}
	a.Write(w)
}

// rowOf is the answer to an error. It tells an expired token from others,
// which the client can do something about, and nothing else.
func rowOf(err error) problem.Row {
	var scope *scopeError
	var fresh *freshError
	switch {
	case errors.As(err, &scope):
		return insufficientScope(scope.names)
	case errors.As(err, &fresh):
		return notFresh(fresh.within)
	case errors.Is(err, ErrForbidden):
		return forbidden()
	case errors.Is(err, ErrNoToken):
		return missingToken()
	case errors.Is(err, errBodyTooLong):
		return bodyTooLong()
	case errors.Is(err, errSeveral):
		return badRequest("Send one access token, in one place.")
	case errors.Is(err, ErrRequest):
		return badRequest("The request cannot be read.")
	case errors.Is(err, ErrCrossSite):
		return crossSite()
	case errors.Is(err, ErrExpired):
		return problem.TokenExpired(err)
	case errors.Is(err, ErrOutdated):
		return problem.TokenOutdated(err)
	case errors.Is(err, ErrRevoked):
		return problem.TokenRevoked(err)
	case errors.Is(err, ErrInvalid):
		return problem.TokenInvalid(err)
	}
	return problem.VerificationUnavailable(err)
}

func missingToken() problem.Row {
	return problem.Row{Status: http.StatusUnauthorized, Code: "missing_token", Title: "An access token is required.", Challenge: problem.Bearer}
}

func badRequest(detail string) problem.Row {
	return problem.Row{Status: http.StatusBadRequest, Code: "invalid_request", Title: "The request is not valid.", Detail: detail,
		Challenge: `Bearer error="invalid_request"`}
}

func bodyTooLong() problem.Row {
	return problem.Row{Status: http.StatusRequestEntityTooLarge, Code: "body_too_large", Title: "The body is too large."}
}

func crossSite() problem.Row {
	return problem.Row{Status: http.StatusForbidden, Code: "cross_site_request", Title: "The request does not prove that it comes from this site.",
		Detail: "Repeat the csrf value of the token in the header " + csrfHeader + "."}
}

func forbidden() problem.Row {
	return problem.Row{Status: http.StatusForbidden, Code: "forbidden", Title: "The access token does not allow this."}
}

func insufficientScope(scope string) problem.Row {
	return problem.Row{Status: http.StatusForbidden, Code: "insufficient_scope", Title: "Insufficient scope.",
		Detail: "The route needs the scope " + scope + ".", Challenge: `Bearer error="insufficient_scope", scope=` + quoted(scope)}
}

func notFresh(within time.Duration) problem.Row {
	return problem.Row{Status: http.StatusUnauthorized, Code: "insufficient_user_authentication",
		Title: "A more recent sign-in is required.", Detail: "Prove the password again, and send the new access token.",
		Challenge: fmt.Sprintf(`Bearer error="insufficient_user_authentication", max_age="%d"`, int64(within.Seconds()))}
}

// quoted is a quoted-string (RFC 9110, section 5.6.4).
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
