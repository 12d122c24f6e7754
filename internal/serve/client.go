package serve

import (
	"net/http"
	"net/netip"
	"strings"
)

// ProxyHeader is the header in which proxies send the address of the client.
type ProxyHeader string

// The headers that proxies write. The zero value means XForwardedFor.
const (
	XForwardedFor ProxyHeader = "X-Forwarded-For"
	Forwarded     ProxyHeader = "Forwarded" // RFC 7239
)

// maxHops limits the work on a long header.
const maxHops = 32

// proxies determines the address of the client of a request.
type proxies struct {
	trusted []netip.Prefix
	header  ProxyHeader
}

// client returns the address of the client, which is not valid if the
// connection has none.
//
// Each proxy appends the address of its peer, so only the right end of the header can be
// trusted. The search goes from there to the left while the address is a trusted proxy. What
// a client writes is to the left of its own address, and is never reached.
func (p proxies) client(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address := peer.Addr().Unmap().WithZone("")
	if !p.trusts(address) {
		return address
	}
	next, split := lastAddress, XForwardedFor
	if p.header == Forwarded {
		next, split = lastForwarded, Forwarded
	}
	lines := r.Header[string(split)]
	hops := 0
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; hops++ {
			var hop netip.Addr
			hop, rest, more = next(rest)
			if !hop.IsValid() || hops == maxHops {
				return address
			}
			if address = hop; !p.trusts(address) {
				return address
			}
		}
	}
	return address
}

func (p proxies) trusts(address netip.Addr) bool {
	for _, network := range p.trusted {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// lastAddress takes the last address off an X-Forwarded-For line.
func lastAddress(line string) (address netip.Addr, rest string, more bool) {
	comma := strings.LastIndexByte(line, ',')
	return parseNode(strings.TrimSpace(line[comma+1:])), line[:max(comma, 0)], comma >= 0
}

// lastForwarded takes the last element off a Forwarded line, and its address
// out of that: `for="[2001:db8::1]:4711";proto=https`.
func lastForwarded(line string) (address netip.Addr, rest string, more bool) {
	comma := lastOutsideQuotes(line, ',')
	element := line[comma+1:]
	for element != "" {
		semicolon := lastOutsideQuotes(element, ';')
		name, value, _ := strings.Cut(element[semicolon+1:], "=")
		if strings.EqualFold(strings.TrimSpace(name), "for") {
			address = parseNode(strings.Trim(strings.TrimSpace(value), `"`))
		}
		element = element[:max(semicolon, 0)]
	}
	return address, line[:max(comma, 0)], comma >= 0
}

// lastOutsideQuotes searches from the right, because the client controls the left end: a
// quote that it never closes must not hide what proxies have appended.
func lastOutsideQuotes(text string, separator byte) int {
	quoted := false
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] == '"' {
			quoted = !quoted
		} else if text[i] == separator && !quoted {
			return i
		}
	}
	return -1
}

// parseNode reads an address with or without port and brackets. For a name, "unknown" or an
// obfuscated identifier it returns no address.
func parseNode(text string) netip.Addr {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone("")
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		text = strings.TrimSuffix(inner, "]")
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return address.Unmap().WithZone("")
}
