package push

// Failure is why an attempt failed; empty after a success. Of a receiver's response, only
// the codes of RFC 8935 are kept.
type Failure string

// The failures.
const (
	// FailStatus: the receiver returned neither 2xx nor 410.
	FailStatus Failure = "status"
	// FailGone: it returned 410.
	FailGone Failure = "gone"
	// FailRedirect: it returned 3xx, which is not followed.
	FailRedirect Failure = "redirect"
	// FailTimeout: it took longer than [Timeout].
	FailTimeout Failure = "timeout"
	// FailName: its name was not resolved.
	FailName Failure = "name"
	// FailAddress: the policy does not permit its address.
	FailAddress Failure = "address_refused"
	// FailTLS: its certificate is invalid, or it speaks no TLS.
	FailTLS Failure = "tls"
	// FailConnect: it could not be reached, or closed the connection.
	FailConnect Failure = "connect"
	// FailSigning: the event could not be signed here.
	FailSigning Failure = "signing"
	// FailRefused is the prefix of the code with which a receiver refused a Security Event
	// Token (RFC 8935 §2.4).
	FailRefused Failure = "refused:"
)
