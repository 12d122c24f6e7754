package push

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"

	"github.com/portaria/portaria/internal/outbound"
)

// MaxURL is the longest URL of a receiver, in characters.
const MaxURL = 2048

// CheckURL returns an error for a URL that the policy does not permit. private permits the
// private networks of the policy. Names are checked later, when they are dialled.
func (p Policy) CheckURL(text string, private bool) error {
	r := p.reach(private)
	u, err := url.Parse(text)
	switch {
	case err != nil || len(text) > MaxURL || u.Hostname() == "":
		return fmt.Errorf("expected an absolute URL of at most %d characters", MaxURL)
	case u.User != nil || u.Fragment != "":
		return errors.New("expected a URL without user and fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !r.Loopback || !onThisMachine(u.Hostname())):
		return errors.New("expected https")
	case !validPort(u):
		return errors.New("expected a port from 1 to 65535")
	}
	return checkHost(u.Hostname(), r)
}

// checkHost returns an error for an address that is not permitted, and for localhost. Other
// names are checked when they are dialled.
func checkHost(host string, r outbound.Reach) error {
	a, err := netip.ParseAddr(host)
	switch {
	case err != nil && (host != "localhost" || r.Loopback):
		return nil
	case err == nil && r.Allows(a):
		return nil
	case err == nil && (outbound.Reach{Inner: outbound.Inner()}).Allows(a):
		return errors.New("this address is in a private network: the webhook needs allow_private, and the setting egress_allow must list the network")
	}
	return errors.New("this address is not permitted: it is not public")
}

func validPort(u *url.URL) bool {
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return u.Port() == "" || err == nil && n > 0
}

func onThisMachine(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.Unmap().IsLoopback()
}
