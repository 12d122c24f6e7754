package outbound

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"code.dny.dev/ssrf"
)

// Reach says which addresses may be called. The zero value allows public
// addresses only.
type Reach struct {
	// Inner are networks of [Inner] that may be called as well.
	Inner []netip.Prefix
	// Loopback allows this machine.
	Loopback bool
}

// OperatorsChoice is the reach for addresses in the settings: private networks and
// this machine are allowed. Link-local and metadata addresses are not.
func OperatorsChoice() Reach { return Reach{Inner: Inner(), Loopback: true} }

// control is called by net.Dialer with each address that it is about to connect
// to, after names were resolved.
func (r Reach) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !r.Allows(at.Addr()) {
		return fmt.Errorf("%w: %s", ErrAddress, address)
	}
	return nil
}

// Allows reports whether an address may be called. IPv4 addresses inside IPv6
// addresses count as what they are (::ffff:0:0/96), or are refused: 6to4, Teredo,
// NAT64 and IPv4-compatible addresses.
func (r Reach) Allows(a netip.Addr) bool {
	a = a.WithZone("").Unmap()
	switch {
	case !a.IsValid(), within(metadata(), a):
		return false
	case a.IsLoopback():
		return r.Loopback
	case within(Inner(), a):
		return within(r.Inner, a)
	case a.Is4():
		return !within(ssrf.IPv4DeniedPrefixes, a)
	}
	return ssrf.IPv6GlobalUnicast.Contains(a) && !within(ssrf.IPv6DeniedPrefixes, a)
}

func within(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Inner are the networks that an operator can allow: RFC 1918, RFC 6598 and
// RFC 4193.
func Inner() []netip.Prefix {
	return prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
}

// metadata are the addresses outside link-local where cloud machines get their own
// secrets: AWS, Google Cloud, Alibaba, Azure. No setting allows them.
func metadata() []netip.Prefix {
	return prefixes("fd00:ec2::/32", "fd20:ce::/32", "100.100.100.200/32", "168.63.129.16/32")
}

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}
