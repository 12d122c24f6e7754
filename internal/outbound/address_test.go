package outbound_test

import (
	"net/netip"
	"testing"

	"github.com/portaria/portaria/internal/outbound"
)

// TestAddresses tries each form in which an inner address may come.
func TestAddresses(t *testing.T) {
	const public, inner, loopback, never = "public", "inner", "loopback", "never"
	tests := map[string][]string{
		public: {"1.1.1.1", "8.8.8.8", "192.0.1.1", "192.167.255.255", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1",
			"169.253.0.1", "11.0.0.1", "198.17.0.1", "223.255.255.255", "2606:4700::1111", "2001:200::1", "2a00::1", "::ffff:8.8.8.8"},
		inner: {"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "100.127.255.255",
			"fc00::1", "fd12:3456::1", "::ffff:10.0.0.1", "::ffff:192.168.1.1", "::ffff:c0a8:101", "fd00::1%eth0"},
		loopback: {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1"},
		never: {
			// link-local and metadata
			"169.254.169.254", "169.254.0.1", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fd20:ce::254",
			"100.100.100.200", "192.0.0.192", "168.63.129.16",
			// this host, site-local, multicast, reserved
			"0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0", "fec0::1", "224.0.0.1", "239.255.255.255", "ff02::1", "255.255.255.255", "240.0.0.1",
			// documentation, benchmarks
			"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1", "198.18.0.1", "198.19.255.255", "2001:2::1",
			// IPv4 inside IPv6: NAT64, local NAT64, 6to4, Teredo, IPv4-compatible, IPv4-translated
			"64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::1", "2002:a00:1::1", "2001::1", "2001:0:7f00:1::1", "::127.0.0.1",
			"::10.0.0.1", "::ffff:0:7f00:1",
			// 6to4 relays, discard, segment routing, not assigned, AS112
			"192.88.99.1", "100::1", "5f00::1", "4000::1", "192.31.196.1", "192.52.193.1", "192.175.48.1", "2620:4f:8000::1",
		},
	}
	for kind, addresses := range tests {
		for _, text := range addresses {
			a := netip.MustParseAddr(text)
			for _, r := range []outbound.Reach{{}, {Inner: outbound.Inner()}, {Loopback: true}, outbound.OperatorsChoice()} {
				want := kind == public || kind == inner && r.Inner != nil || kind == loopback && r.Loopback
				if got := r.Allows(a); got != want {
					t.Errorf("%s (%s) with %+v: got %t", text, kind, r, got)
				}
			}
		}
	}
	if outbound.OperatorsChoice().Allows(netip.Addr{}) {
		t.Error("no address at all is allowed")
	}
}

// TestInnerNetworks: only those that are listed are allowed, and no list allows
// metadata, link-local addresses or this machine.
func TestInnerNetworks(t *testing.T) {
	everything := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	one := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}
	for _, test := range []struct {
		inner   []netip.Prefix
		address string
		want    bool
	}{
		{one, "10.0.255.1", true}, {one, "10.1.0.1", false}, {one, "::ffff:10.0.0.1", true}, {one, "fc00::1", false},
		{everything, "192.168.0.1", true}, {everything, "fd00::1", true},
		{everything, "169.254.169.254", false}, {everything, "fd00:ec2::254", false}, {everything, "fe80::1", false},
		{everything, "127.0.0.1", false}, {everything, "::1", false}, {everything, "0.0.0.0", false}, {everything, "64:ff9b::a00:1", false},
	} {
		if got := (outbound.Reach{Inner: test.inner}).Allows(netip.MustParseAddr(test.address)); got != test.want {
			t.Errorf("%s with %v: got %t", test.address, test.inner, got)
		}
	}
}
