package outbound

import "net/http"

// AsksProxy reports whether the client asks a proxy.
func (c *Client) AsksProxy() bool { return c.http.Transport.(*http.Transport).Proxy != nil }
