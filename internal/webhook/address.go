package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// errAddress reports an address that may not be called.
var errAddress = errors.New("address may not be called")

// reach says which addresses a sender may call. The zero value allows public
// ones only.
type reach struct {
	private  []netip.Prefix // those of the private networks, too
	loopback bool           // this machine, too
}

// control is asked by net.Dialer with the very address that is about to be
// connected to: after names were resolved, so that a name whose address changes
// between a check and its use gains nothing.
func (r reach) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !r.allows(at.Addr()) {
		return fmt.Errorf("%w: %s", errAddress, address)
	}
	return nil
}

// check refuses a host that is an address, or this machine, and may not be
// called. What other names stand for shows when they are dialled.
func (r reach) check(host string) error {
	a, err := netip.ParseAddr(host)
	switch {
	case err != nil && (host != "localhost" || r.loopback):
		return nil
	case err == nil && r.allows(a):
		return nil
	case err == nil && (reach{private: privateNetworks()}).allows(a):
		return Fault{"url", "this address is in a private network: the webhook needs allow_private, and the setting webhook_networks must have the network"}
	}
	return Fault{"url", "this address may not be called"}
}

func (r reach) allows(a netip.Addr) bool {
	a = a.WithZone("").Unmap()
	within := func(list []netip.Prefix) bool {
		return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	switch {
	case !a.IsValid(), within(metadata()):
		return false
	case a.IsLoopback():
		return r.loopback
	case within(privateNetworks()):
		return within(r.private)
	case a.Is4():
		return !within(specialIPv4())
	}
	return within(globalIPv6()) && !within(specialIPv6())
}

// metadata are the addresses, inside networks that may be allowed, where cloud
// machines learn their own secrets (AWS, Alibaba).
func metadata() []netip.Prefix { return prefixes("fd00:ec2::/32", "100.100.100.200/32") }

// privateNetworks are RFC 1918, RFC 6598 and RFC 4193.
func privateNetworks() []netip.Prefix {
	return prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
}

// specialIPv4 is what is neither public nor private: this network, link-local
// with the metadata of clouds, protocols, documentation, 6to4 relays,
// benchmarks, multicast, reserved and broadcast (RFC 6890).
func specialIPv4() []netip.Prefix {
	return prefixes("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
		"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4")
}

// globalIPv6 is all that was ever given out for public use; what lies outside,
// such as link-local addresses, multicast and NAT64, is refused unseen.
func globalIPv6() []netip.Prefix { return prefixes("2000::/3") }

// specialIPv6 is what inside of it is not public, or hides an IPv4 address:
// Teredo and other protocols, documentation, 6to4.
func specialIPv6() []netip.Prefix {
	return prefixes("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
}

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}
