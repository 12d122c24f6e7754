package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/serve"
)

// securityTextLife is how long the contact is valid. RFC 9116 §2.5.5 recommends less
// than a year.
const securityTextLife = 180 * 24 * time.Hour

// securityText serves the operator's contact.
func (s *Server) securityText(w http.ResponseWriter, _ *http.Request, c access.Caller) error {
	if s.Public.Contact == "" {
		return problem.NotFound()
	}
	serve.Public(w.Header())
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	expires := c.Use.At.Add(securityTextLife).Truncate(24 * time.Hour).Format(time.RFC3339)
	_, _ = fmt.Fprintf(w, "Contact: %s\nExpires: %s\nCanonical: %s/.well-known/security.txt\n",
		s.Public.Contact, expires, strings.TrimSuffix(s.Public.Issuer, "/"))
	return nil
}
