package verify

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/strictjson"
	"github.com/portaria/portaria/verify/internal/payload"
)

// Place is where the token is in a request. The query is no Place, because queries
// end up in logs and histories. A request with a token in two of the verifier's places
// is rejected, because another program that reads the request may use the other token.
type Place struct {
	kind placeKind
	name string // of the cookie or field
}

type placeKind int

const (
	inHeader placeKind = iota + 1
	inCookie
	inBody
	inField
)

// Header is the header "Authorization: Bearer" (RFC 6750, section 2.1).
func Header() Place { return Place{kind: inHeader} }

// Cookie is a cookie, for callers that are browsers. Its name must begin with
// "__Host-", so that no other host and no plain HTTP can set it. A request that
// may change something must come from the same site (net/http
// CrossOriginProtection) and repeat the token's "csrf" claim in the header
// X-CSRF-Token. A handshake of a WebSocket, or any other upgrade, must come from
// a page of the same origin: browsers send the cookie with those of other sites,
// and let them read what comes.
func Cookie(name string) Place { return Place{inCookie, name} }

// BodyField is a member of a JSON object or a field of a form that is the body
// of a request other than GET and HEAD (RFC 6750, section 2.2). To look for it,
// bodies of those types are read up to 64 KiB, and larger ones are refused; the
// handler gets the body whole. So that it reads the same as was checked, JSON is
// refused that is broken, repeats a member, has it in other letters, or goes on
// after its end.
func BodyField(name string) Place { return Place{inBody, name} }

// HeaderField is a header of another name that has the token and nothing else,
// such as "Cf-Access-Jwt-Assertion" or "X-Goog-Iap-Jwt-Assertion". A token there
// is checked like any other.
func HeaderField(name string) Place { return Place{inField, http.CanonicalHeaderKey(name)} }

const (
	hostPrefix = "__Host-"
	csrfHeader = api.CSRFHeader
)

// valid reports whether the place is usable.
func (p Place) valid() bool {
	switch p.kind {
	case inHeader:
		return true
	case inCookie:
		return strings.HasPrefix(p.name, hostPrefix) && len(p.name) > len(hostPrefix) && !strings.ContainsFunc(p.name, notInToken)
	case inBody:
		return p.name != ""
	case inField:
		return p.name != "" && !strings.ContainsFunc(p.name, notInToken) && p.name != "Authorization" && p.name != "Cookie"
	}
	return false
}

// notInToken reports what cannot be in the name of a cookie, which is a token
// (RFC 9110, section 5.6.2).
func notInToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

// findToken returns the one token of a request.
func (v *Verifier) findToken(r *http.Request) (token string, at Place, err error) {
	found := 0
	for _, place := range v.places {
		tokens, err := place.tokens(r)
		if err != nil {
			return "", Place{}, err
		}
		for _, one := range tokens {
			token, at = one, place
			found++
		}
	}
	switch found {
	case 0:
		return "", Place{}, ErrNoToken
	case 1:
		return token, at, nil
	}
	return "", Place{}, errSeveral
}

// tokens returns the tokens in the place: several are an error later on.
func (p Place) tokens(r *http.Request) ([]string, error) {
	switch p.kind {
	case inCookie:
		var values []string
		for _, cookie := range r.CookiesNamed(p.name) {
			values = append(values, cookie.Value)
		}
		return values, nil
	case inBody:
		return p.fromBody(r)
	case inField:
		return r.Header.Values(p.name), nil
	}
	values := r.Header.Values("Authorization")
	if len(values) > 1 {
		// Proxies and services disagree on which of them counts.
		return nil, errSeveral
	}
	if len(values) == 0 {
		return nil, nil
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, nil
	}
	return []string{strings.TrimLeft(token, " ")}, nil
}

// fromBody reads the body and puts it back.
func (p Place) fromBody(r *http.Request) ([]string, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form := kind == "application/x-www-form-urlencoded"
	if err != nil || r.Body == nil || !changes(r.Method) || !form && kind != "application/json" {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, api.MaxBody+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	if len(body) > api.MaxBody {
		return nil, errBodyTooLong
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if form {
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, errUnreadable // by the handler, too
		}
		return values[p.name], nil
	}
	return p.fromJSON(body)
}

// fromJSON refuses what another reader could take for something else.
func (p Place) fromJSON(body []byte) ([]string, error) {
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' && json.Valid(body) {
		return nil, nil // nothing in it has a name
	}
	object, err := strictjson.Parse(body)
	if err != nil {
		return nil, errUnreadable
	}
	for _, m := range object {
		// encoding/json and others do not mind the case of letters.
		if m.Name != p.name && strings.EqualFold(m.Name, p.name) {
			return nil, errUnreadable
		}
	}
	value, ok := object.Get(p.name)
	if !ok {
		return nil, nil
	}
	token, err := value.Text()
	if err != nil {
		return nil, errUnreadable
	}
	return []string{token}, nil
}

// changes reports methods that may change something (RFC 9110, section 9.2.1).
func changes(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return false
	}
	return true
}

// sameSite reports whether a request with a cookie has the csrf value of its token.
// Browsers also send cookies with requests that other sites cause.
func sameSite(r *http.Request, c Claims) bool {
	want, got := c.text(payload.CSRF), r.Header.Values(csrfHeader)
	if want == "" || len(got) != 1 || subtle.ConstantTimeCompare([]byte(got[0]), []byte(want)) != 1 {
		return false
	}
	return new(http.CrossOriginProtection).Check(r) == nil
}

// upgrades reports a request to speak another protocol from now on, also over
// HTTP/2 (RFC 8441).
func upgrades(r *http.Request) bool {
	for _, name := range []string{"Upgrade", "Sec-Websocket-Key", "Sec-Websocket-Version", ":protocol"} {
		if len(r.Header[name]) > 0 {
			return true
		}
	}
	if r.Method == http.MethodConnect {
		return true
	}
	for _, value := range r.Header["Connection"] {
		for option := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(option), "upgrade") {
				return true
			}
		}
	}
	return false
}

// sameOrigin tells whether a browser says that a page of this origin sent the
// request. Every browser says so in a handshake: a request that says nothing is
// refused. The cookie travels over TLS, so that the page came over it as well,
// or from this machine.
func sameOrigin(r *http.Request) bool {
	if site := r.Header.Values("Sec-Fetch-Site"); len(site) > 0 {
		return len(site) == 1 && site[0] == "same-origin"
	}
	origin := r.Header.Values("Origin")
	if len(origin) != 1 {
		return false
	}
	u, err := url.Parse(origin[0])
	if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// cookieMeant tells whether a request with a cookie was meant by the
// user.
func cookieMeant(r *http.Request, c Claims) bool {
	upgrade := upgrades(r)
	if upgrade && !sameOrigin(r) {
		return false
	}
	// No page can set a header of a handshake, also of one by CONNECT.
	if !changes(r.Method) || upgrade && r.Method == http.MethodConnect {
		return true
	}
	return sameSite(r, c)
}
