package guard

import "net/netip"

// networks returns the two networks that an address counts for: the smallest
// that one customer has, and the larger one around it. An IPv4 address written
// as IPv6 counts as IPv4.
func networks(a netip.Addr) (address, network string) {
	a = a.Unmap().WithZone("")
	small, large := 64, 48
	if a.Is4() {
		small, large = 32, 24
	}
	return prefix(a, small), prefix(a, large)
}

// prefix returns "none" for an address that is not known: all of those share
// one budget.
func prefix(a netip.Addr, bits int) string {
	p, err := a.Prefix(bits)
	if err != nil {
		return "none"
	}
	return p.String()
}
