package people

import (
	"fmt"
	"net/http"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/guard"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/password/policy"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/token"
)

// Problems are the rows of the errors of accounts, passwords, sign-in and sessions.
func Problems() []problem.Row {
	return []problem.Row{
		{Err: account.ErrNotProved, Status: http.StatusUnauthorized, Code: "invalid_credentials",
			Title: "The identifier or the password is wrong.", Detail: "Correct them and try again.", Challenge: problem.Bearer},
		{Err: account.ErrNotFound, Status: http.StatusNotFound, Code: "account_not_found", Title: "There is no account with this id.", Detail: "Check the id."},
		{Err: account.ErrIdentifierTaken, Status: http.StatusConflict, Code: "identifier_taken",
			Title: "This identifier is taken.", Detail: "Sign in, or choose another identifier."},
		{Err: account.ErrIdentifierInvalid, Status: http.StatusUnprocessableEntity, Code: "identifier_invalid",
			Title: "The identifier is invalid.", Detail: "Use an e-mail address, or a name of letters and digits."},
		{Err: account.ErrIdentifierTooLong, Status: http.StatusUnprocessableEntity, Code: "identifier_too_long",
			Title: "The identifier is too long.", Detail: fmt.Sprintf("Use at most %d characters.", account.MaxIdentifier)},
		{Err: password.ErrTooShort, Status: http.StatusUnprocessableEntity, Code: "password_too_short",
			Title: "The password is too short.", Detail: fmt.Sprintf("Use at least %d characters.", password.MinLength)},
		{Err: password.ErrTooLong, Status: http.StatusUnprocessableEntity, Code: "password_too_long",
			Title: "The password is too long.", Detail: fmt.Sprintf("Use at most %d characters.", password.MaxLength)},
		{Err: password.ErrNotText, Status: http.StatusUnprocessableEntity, Code: "password_not_text",
			Title: "The password is not valid text.", Detail: "Send it as UTF-8."},
		{Err: password.ErrIsIdentifier, Status: http.StatusUnprocessableEntity, Code: "password_is_identifier",
			Title: "The password is too similar to the identifier.", Detail: "Choose another password."},
		{Err: policy.ErrIdentifier, Status: http.StatusUnprocessableEntity, Code: "password_is_identifier",
			Title: "The password is too similar to the identifier.", Detail: "Choose another password."},
		{Err: policy.ErrCommon, Status: http.StatusUnprocessableEntity, Code: "password_common",
			Title: "The password is among the first that attackers try.", Detail: "Choose another one, such as three or four words that have nothing to do with each other."},
		{Err: policy.ErrWord, Status: http.StatusUnprocessableEntity, Code: "password_refused_word",
			Title: "The password is too similar to the name of this service, or to a word that is easy to guess here.", Detail: "Choose another password."},
		{Err: policy.ErrBreached, Status: http.StatusUnprocessableEntity, Code: "password_breached",
			Title: "The password was published in a data breach of another service.", Detail: "Choose another one, and change it everywhere else."},
		{Err: policy.ErrNotChecked, Status: http.StatusServiceUnavailable, Code: "password_not_checked",
			Title: "The password could not be compared with breached ones at this moment.", Detail: "Try again after the time in Retry-After."},
		{Err: guard.ErrTooMany, Status: http.StatusTooManyRequests, Code: "too_many_attempts",
			Title: "Too many attempts have failed.", Detail: "Try again after the time in Retry-After, or on a device that has signed in before."},
		{Err: guard.ErrChallenge, Status: http.StatusUnauthorized, Code: "captcha_required",
			Title: "A CAPTCHA must be solved first.", Detail: "Solve the CAPTCHA and send its solution.", Challenge: problem.Bearer},
		{Err: password.ErrBusy, Status: http.StatusServiceUnavailable, Code: "busy",
			Title: "Too many people are signing in at this moment.", Detail: "Try again after the time in Retry-After."},
		{Err: account.ErrSignUpClosed, Status: http.StatusForbidden, Code: "sign_up_closed",
			Title: "Sign-up is closed.", Detail: "Ask an administrator for an account."},
		{Err: account.ErrChanged, Status: http.StatusConflict, Code: "account_changed",
			Title: "The account was changed at the same time.", Detail: "Sign in again."},
		{Err: issue.ErrGrantRefused, Status: http.StatusForbidden, Code: "unauthorized_client",
			Title: "This client may not use this way to get tokens.", Detail: "Use one of the grants that it is registered with."},
		{Err: session.ErrNotFound, Status: http.StatusNotFound, Code: "session_not_found", Title: "There is no session with this id.", Detail: "List the sessions again."},
		{Err: session.ErrOtherClient, Status: http.StatusUnauthorized, Code: "refresh_token_invalid",
			Title: "The refresh token is not valid for this client.", Detail: "It was issued to another client. Send the client_id of the application that the person signed in with, and its client authentication if it has one.", Challenge: problem.InvalidToken},
		{Err: session.ErrTokenInvalid, Status: http.StatusUnauthorized, Code: "refresh_token_invalid",
			Title: "The refresh token is not valid.", Detail: "Sign in again.", Challenge: problem.InvalidToken},
		{Err: session.ErrReused, Status: http.StatusUnauthorized, Code: "refresh_token_reused",
			Title: "The refresh token was used before, so the session has ended.", Detail: "Sign in again. Somebody else may have the token.", Challenge: problem.InvalidToken},
		{Err: keyring.ErrNoActiveKey, Status: http.StatusServiceUnavailable, Code: "signing_key_unavailable",
			Title: "No signing key is active at this moment.", Detail: "Try again after the time in Retry-After."},
		{Err: keyring.ErrStale, Status: http.StatusServiceUnavailable, Code: "signing_key_unavailable",
			Title: "No signing key is active at this moment.", Detail: "Try again after the time in Retry-After."},
		{Err: token.ErrNoEncryptionKey, Status: http.StatusServiceUnavailable, Code: "encryption_key_unknown",
			Title: "The encryption key of this audience could not be fetched yet.", Detail: "Try again after the time in Retry-After. The log of the operator says what is wrong."},
	}
}
