package problem

import "net/http"

// The answers to access tokens. The service and package verify both use them, so a
// client handles a refused token in the same way everywhere. err is the error that the
// row answers.

// TokenExpired is the answer to an access token that has expired.
func TokenExpired(err error) Row {
	return Row{Err: err, Status: http.StatusUnauthorized, Code: "token_expired",
		Title: "The access token has expired.", Detail: "Refresh it, or sign in again.", Challenge: InvalidToken}
}

// TokenOutdated is the answer to an access token that a soft rule refuses. Its session
// goes on, and the client only has to refresh.
func TokenOutdated(err error) Row {
	return Row{Err: err, Status: http.StatusUnauthorized, Code: "token_outdated",
		Title: "The access token is outdated.", Detail: "Refresh it.", Challenge: InvalidToken}
}

// TokenRevoked is the answer to an access token that a hard rule refuses.
func TokenRevoked(err error) Row {
	return Row{Err: err, Status: http.StatusUnauthorized, Code: "token_revoked",
		Title: "The access token has been revoked.", Detail: "Sign in again.", Challenge: InvalidToken}
}

// TokenInvalid is the answer to an access token that is refused for any other reason.
func TokenInvalid(err error) Row {
	return Row{Err: err, Status: http.StatusUnauthorized, Code: "token_invalid",
		Title: "The access token is not valid.", Detail: "Sign in again.", Challenge: InvalidToken}
}

// VerificationUnavailable is the answer to a request whose access token cannot be
// verified now.
func VerificationUnavailable(err error) Row {
	return Row{Err: err, Status: http.StatusServiceUnavailable, Code: "verification_unavailable",
		Title: "Access tokens cannot be verified now.", Detail: "Try again after the time in Retry-After."}
}
