package push

// Failure is a class of error, for programs and people. Of what a receiver writes
// into its answer, only the codes of RFC 8935 are kept. It is empty after a success.
type Failure string

// The failures.
const (
	// FailStatus: the receiver answered neither 2xx nor 410.
	FailStatus Failure = "status"
	// FailGone: it answered 410.
	FailGone Failure = "gone"
	// FailRedirect: it answered 3xx, which is not followed.
	FailRedirect Failure = "redirect"
	// FailTimeout: it was too slow.
	FailTimeout Failure = "timeout"
	// FailName: its name has no address.
	FailName Failure = "name"
	// FailAddress: its address may not be called.
	FailAddress Failure = "address_refused"
	// FailTLS: its certificate is not good.
	FailTLS Failure = "tls"
	// FailConnect: it could not be reached, or hung up.
	FailConnect Failure = "connect"
	// FailSigning: the event could not be signed here.
	FailSigning Failure = "signing"
	// FailRefused begins the codes by which a receiver of Security Event
	// Tokens refuses one (RFC 8935 §2.4).
	FailRefused Failure = "refused:"
)
