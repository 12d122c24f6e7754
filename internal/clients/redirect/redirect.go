// Package redirect knows the redirect URIs of apps: which ones may be registered, and
// which ones equal a registered one.
package redirect

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// MaxLength is the greatest length of a redirect URI, in bytes.
const MaxLength = 2000

// Check returns the fault of a redirect URI, or an empty text. It accepts an absolute
// URI without fragment and credentials (RFC 6749 §3.1.2), in one of the three forms
// that RFC 8252 §7 permits. URIs are compared byte by byte, so it refuses every
// spelling that a browser would change.
func Check(text string) string {
	odd := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}*", r) }
	if text == "" || len(text) > MaxLength || strings.ContainsFunc(text, odd) {
		return fmt.Sprintf("must be a URL of 1 to %d visible ASCII characters, without wildcards", MaxLength)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme == "":
		return "must be an absolute URL"
	case strings.Contains(text, "#"):
		return "must have no fragment"
	case u.User != nil:
		return "must have no user name"
	case text[:len(u.Scheme)] != u.Scheme || u.Host != strings.ToLower(u.Host):
		return "must have scheme and host in lower case"
	case slices.Contains(strings.Split(u.EscapedPath(), "/"), "..") || slices.Contains(strings.Split(u.EscapedPath(), "/"), "."):
		return "must have no . or .. in its path"
	}
	switch u.Scheme {
	case "https":
		if u.Hostname() == "" {
			return "must name a host"
		}
	case "http":
		if address, err := netip.ParseAddr(u.Hostname()); err != nil || !address.IsLoopback() {
			return "must be https, unless its host is 127.0.0.1 or [::1] (RFC 8252, section 7.3)"
		}
	default:
		return checkPrivateScheme(u)
	}
	return ""
}

// checkPrivateScheme accepts schemes that are a domain name in reverse order (RFC 8252
// §7.1). The required dot excludes schemes that browsers execute or open themselves,
// for example javascript.
func checkPrivateScheme(u *url.URL) string {
	labels := strings.Split(u.Scheme, ".")
	if len(labels) < 2 || slices.Contains(labels, "") {
		return "must be https, http on a loopback address, or have a scheme that is a domain name in reverse, such as com.example.app"
	}
	if u.Host != "" || !strings.HasPrefix(u.Path, "/") {
		return "must have one slash after a private-use scheme, as in com.example.app:/callback (RFC 8252, section 7.1)"
	}
	return ""
}

// Matches reports whether a URI equals one of the registered ones, byte by byte. On a
// loopback address the port may differ (RFC 8252 §7.3).
func Matches(registered []string, uri string) bool {
	if slices.Contains(registered, uri) {
		return true
	}
	portless, ok := withoutLoopbackPort(uri)
	return ok && slices.ContainsFunc(registered, func(one string) bool {
		other, loopback := withoutLoopbackPort(one)
		return loopback && other == portless
	})
}

// withoutLoopbackPort returns an http URL on a loopback address without its port.
func withoutLoopbackPort(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || Check(text) != "" {
		return "", false
	}
	host, port := u.Hostname(), u.Port()
	rest, ok := strings.CutPrefix(text, "http://"+u.Host)
	if !ok || strings.HasSuffix(u.Host, ":") || port != "" && strings.Trim(port, "0123456789") != "" {
		return "", false
	}
	return "http://" + host + " " + rest, true
}
