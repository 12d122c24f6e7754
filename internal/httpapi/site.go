package httpapi

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/portaria/portaria/internal/problem"
)

// metadataPath is where RFC 8414 puts the metadata of an issuer without a path.
const metadataPath = "/.well-known/oauth-authorization-server"

// site is the public origin and path of this service, which the issuer's URL names. A
// proxy may have changed both before a request arrives here.
type site struct {
	origin, host string
	path         string // without a slash at its end; empty for most issuers
}

func siteOf(issuer string) site {
	u, err := url.Parse(issuer)
	if err != nil {
		return site{}
	}
	return site{origin: u.Scheme + "://" + u.Host, host: u.Host, path: strings.TrimRight(u.EscapedPath(), "/")}
}

// adopt changes a request as if no proxy had changed it. The request is a copy that
// belongs to this package.
//
// A request with the issuer's origin gets the issuer's host. If the issuer has a path,
// two more kinds of paths are served: the metadata path of RFC 8414, which ends with the
// issuer's path, and every path below the issuer's path, for proxies that do not remove
// it.
func (s *Server) adopt(r *http.Request) {
	if s.site.host != "" && r.Header.Get("Origin") == s.site.origin {
		r.Host = s.site.host
	}
	if s.site.path == "" {
		return
	}
	escaped := r.URL.EscapedPath()
	rest, below := strings.CutPrefix(escaped, s.site.path+"/")
	switch {
	case strings.TrimRight(escaped, "/") == metadataPath+s.site.path:
		s.rewrite(r, metadataPath)
	case below && !s.routed(r):
		s.rewrite(r, "/"+rest)
	}
}

func (s *Server) routed(r *http.Request) bool {
	_, pattern := s.mux.Handler(r)
	return pattern != everything
}

// rewrite gives a request another path, which is escaped.
func (s *Server) rewrite(r *http.Request, escaped string) {
	plain, err := url.PathUnescape(escaped)
	if err != nil {
		return
	}
	u := *r.URL
	u.Path, u.RawPath = plain, escaped
	r.URL = &u
}

// unclean redirects a path with dots or repeated slashes, as ServeMux does, but with a
// problem as body. It reports whether it did.
func (s *Server) unclean(w http.ResponseWriter, r *http.Request) bool {
	given := r.URL.Path
	clean := path.Clean("/" + given)
	if strings.HasSuffix(given, "/") && clean != "/" {
		clean += "/"
	}
	if clean == given || r.Method == http.MethodConnect {
		return false
	}
	location := url.URL{Path: clean, RawQuery: r.URL.RawQuery}
	w.Header().Set("Location", location.String())
	s.fail(w, r, problem.Moved())
	return true
}

// HeaderTooLarge answers a request whose header is over the limit.
func (s *Server) HeaderTooLarge(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, problem.HeaderTooLarge())
}
