package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/portaria/portaria/api"
)

// refusal is the answer to a request that is not let through.
type refusal struct {
	status              int
	code, title, detail string
	challenge           string // WWW-Authenticate, empty for none
	retryAfter          time.Duration
}

const typePrefix = "urn:portaria:problem:"

func (a *refusal) write(w http.ResponseWriter) {
	body, err := json.Marshal(api.Problem{
		Type: typePrefix + a.code, Title: a.title, Status: a.status, Code: a.code, Detail: a.detail,
	})
	if err != nil {
		panic(err) // a struct of strings and numbers
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if a.challenge != "" {
		h.Set("WWW-Authenticate", a.challenge)
	}
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(a.retryAfter.Seconds())))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(append(body, '\n'))
}

// WriteError writes the answer that [Verifier.Require] gives to an error of
// [Verifier.VerifyRequest], [Verifier.Verify] or [Verifier.Check]: a problem (RFC
// 9457) with the right status and challenge. The text of the error is for a log
// and not in it. Any other error is answered with 503.
func WriteError(w http.ResponseWriter, err error) { refusalOf(err).write(w) }

// refusalOf is the answer to an error. It tells an expired token from others,
// which the client can do something about, and nothing else.
func refusalOf(err error) *refusal {
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
		return &refusal{status: http.StatusUnauthorized, code: "token_expired", title: "The access token has expired.",
			detail: "Refresh it, or sign in again.", challenge: `Bearer error="invalid_token"`}
	case errors.Is(err, ErrOutdated):
		return &refusal{status: http.StatusUnauthorized, code: "token_revoked", title: "The access token has been revoked.",
			detail: "Refresh it.", challenge: `Bearer error="invalid_token"`}
	case errors.Is(err, ErrRevoked):
		return &refusal{status: http.StatusUnauthorized, code: "token_revoked", title: "The access token has been revoked.",
			detail: "Sign in again.", challenge: `Bearer error="invalid_token"`}
	case errors.Is(err, ErrInvalid):
		return &refusal{status: http.StatusUnauthorized, code: "token_invalid", title: "The access token is not valid.",
			detail: "Sign in again.", challenge: `Bearer error="invalid_token"`}
	}
	retryAfter := 5 * time.Second
	if errors.Is(err, ErrStale) { // a feed that can be reached again is followed within a second
		retryAfter = time.Second
	}
	return &refusal{status: http.StatusServiceUnavailable, code: "verification_unavailable",
		title: "Access tokens cannot be verified now.", detail: "Try again.", retryAfter: retryAfter}
}

func missingToken() *refusal {
	return &refusal{status: http.StatusUnauthorized, code: "missing_token", title: "An access token is required.", challenge: "Bearer"}
}

func badRequest(detail string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: "invalid_request", title: "The request is not valid.", detail: detail,
		challenge: `Bearer error="invalid_request"`}
}

func bodyTooLong() *refusal {
	return &refusal{status: http.StatusRequestEntityTooLarge, code: "body_too_large", title: "The body is too large."}
}

func crossSite() *refusal {
	return &refusal{status: http.StatusForbidden, code: "cross_site_request", title: "The request does not prove that it comes from this site.",
		detail: "Repeat the csrf value of the token in the header " + csrfHeader + "."}
}

func forbidden() *refusal {
	return &refusal{status: http.StatusForbidden, code: "forbidden", title: "The access token does not allow this."}
}

func insufficientScope(scope string) *refusal {
	return &refusal{status: http.StatusForbidden, code: "insufficient_scope", title: "This token does not reach that far.",
		detail: "The route needs the scope " + scope + ".", challenge: `Bearer error="insufficient_scope", scope=` + quoted(scope)}
}

func notFresh(within time.Duration) *refusal {
	return &refusal{status: http.StatusUnauthorized, code: "insufficient_user_authentication",
		title: "A more recent sign-in is required.", detail: "Prove the password again, and come back with the new token.",
		challenge: fmt.Sprintf(`Bearer error="insufficient_user_authentication", max_age="%d"`, int64(within.Seconds()))}
}

// quoted is a quoted-string (RFC 9110, section 5.6.4).
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
