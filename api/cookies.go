package api

// Values of delivery: where tokens are returned.
const (
	// DeliverBody returns tokens in the body. It is the default.
	DeliverBody = "body"
	// DeliverCookie sets tokens as cookies that scripts cannot read.
	DeliverCookie = "cookie"
)

// Names of the cookies. Because of the prefix __Host- (RFC 6265bis §4.1.3.2)
// browsers accept them only from this host over TLS. Another host of the domain, or
// an attacker on the network, cannot replace them.
const (
	AccessCookie  = "__Host-portaria-access"
	RefreshCookie = "__Host-portaria-refresh"
	// DeviceCookie says that somebody signed in with this browser before. It signs
	// nobody in.
	DeviceCookie = "__Host-portaria-device"
)

// CSRFHeader is the header in which a page repeats Tokens.CSRF. Browsers also send
// cookies with requests that other sites cause, but other sites do not know this
// value.
const CSRFHeader = "X-CSRF-Token"
