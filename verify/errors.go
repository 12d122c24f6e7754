package verify

import (
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/verify/internal/refusal"
)

// ErrConfig reports settings that [New] refuses.
var ErrConfig = errors.New("verify: bad configuration")

// ErrUnavailable reports that the verifier itself cannot know: it has no keys
// yet, or none young enough, or does not know what was revoked lately. The token
// may be good; HTTP answers 503.
var ErrUnavailable = refusal.ErrUnavailable

// ErrStale reports that a good token may have been revoked: the verifier last
// heard of the revocation log longer ago than Staleness, and the token is older
// than that.
var ErrStale = refusal.ErrStale

// ErrDegraded reports a verifier that works, and will not for long: the issuer's
// keys cannot be fetched, and the known ones are used for a limited time. Only
// [Verifier.Health] returns it.
var ErrDegraded = errors.New("verify: the issuer's keys are getting old")

// Errors of requests, beside those of the token.
var (
	// ErrNoToken reports a request with no token in any of the places.
	ErrNoToken = errors.New("verify: no token")
	// ErrRequest reports a request with several tokens, or one that cannot be
	// read.
	ErrRequest = errors.New("verify: bad request")
	// ErrCrossSite reports a request with a cookie that does not show that a
	// page of this site sent it: see [Cookie].
	ErrCrossSite = errors.New("verify: request of another site")
)

// Errors of [Verifier.Check]: the token is good, and not enough for the route.
var (
	// ErrScope reports a token without a scope that the route asks for.
	ErrScope = errors.New("verify: insufficient scope")
	// ErrNotFresh reports a token whose account proved a credential too long ago.
	ErrNotFresh = errors.New("verify: not fresh enough")
	// ErrForbidden reports claims that [Where] does not like.
	ErrForbidden = errors.New("verify: claims do not meet the requirement of the route")
)

// scopeError has the names that the route asks for.
type scopeError struct{ names string }

func (e *scopeError) Error() string { return ErrScope.Error() + ": the route needs " + e.names }
func (e *scopeError) Unwrap() error { return ErrScope }

// freshError has the age that the route allows.
type freshError struct{ within time.Duration }

func (e *freshError) Error() string {
	return fmt.Sprintf("%v: the route allows %v", ErrNotFresh, e.within)
}
func (e *freshError) Unwrap() error { return ErrNotFresh }

var (
	errSeveral     = fmt.Errorf("%w: several tokens", ErrRequest)
	errUnreadable  = fmt.Errorf("%w: cannot be read", ErrRequest)
	errBodyTooLong = fmt.Errorf("%w: body too long", ErrRequest)
)

// ErrInvalid reports a token that is rejected. Every error below wraps it, and
// says which check failed first. Their texts are for logs, and never contain any
// part of the token. Tell the client only that its token is invalid.
var ErrInvalid = refusal.ErrInvalid

var (
	// ErrMalformed reports text that is no compact token within the limits, or
	// one whose header or claims are not strict JSON.
	ErrMalformed = refusal.ErrMalformed
	// ErrType reports another kind of token than the profile asks for, or a
	// header that is refused by policy, such as one that carries a key.
	ErrType = fmt.Errorf("%w: another kind of token", ErrInvalid)
	// ErrAlgorithm reports an algorithm that is not allowed, or not the key's.
	ErrAlgorithm = fmt.Errorf("%w: algorithm", ErrInvalid)
	// ErrKey reports a key that the issuer does not publish.
	ErrKey = fmt.Errorf("%w: unknown key", ErrInvalid)
	// ErrSignature reports a signature that does not verify.
	ErrSignature = fmt.Errorf("%w: signature", ErrInvalid)
	// ErrDecrypt reports an encrypted token that no decryption key opens.
	ErrDecrypt = fmt.Errorf("%w: does not decrypt", ErrInvalid)
	// ErrClaims reports a claim that is missing or not of its type.
	ErrClaims = refusal.ErrClaims
	// ErrIssuer reports a token of another issuer.
	ErrIssuer = fmt.Errorf("%w: another issuer", ErrInvalid)
	// ErrAudience reports a token for another audience.
	ErrAudience = fmt.Errorf("%w: another audience", ErrInvalid)
	// ErrExpired reports a token past its "exp". The age is checked before the
	// signature, because that is cheaper: the token may also be forged.
	ErrExpired = refusal.ErrExpired
	// ErrRevoked reports a revoked token: the session has ended, the account was
	// disabled, or the signing key was revoked.
	ErrRevoked = refusal.ErrRevoked
	// ErrOutdated, which wraps ErrRevoked, reports a token whose claims are outdated
	// while its session continues. The client has to refresh.
	ErrOutdated = refusal.ErrOutdated
	// ErrNotYet reports a token whose "nbf" or "iat" lies in the future.
	ErrNotYet = fmt.Errorf("%w: not valid yet", ErrInvalid)
)
