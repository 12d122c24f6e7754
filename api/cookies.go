package api

// Where tokens are delivered to.
const (
	// DeliverBody answers tokens in the body: the default.
	DeliverBody = "body"
	// DeliverCookie sets them as cookies that no script can read.
	DeliverCookie = "cookie"
)

// Names of the cookies. With the prefix (RFC 6265bis, section 4.1.3.2) browsers
// take them from this very host over TLS alone, so that neither another host
// of the domain nor anybody on the way can replace them.
const (
	AccessCookie  = "__Host-portaria-access"
	RefreshCookie = "__Host-portaria-refresh"
)

// CSRFHeader is the header in which a page repeats Tokens.CSRF. Browsers send
// cookies along with what other sites make them send, but no other site knows
// that value.
const CSRFHeader = "X-CSRF-Token"
