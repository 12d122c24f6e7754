package access

import (
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/token"
)

// Tokens reads tokens that callers ask about, or that a request replaces.
type Tokens struct {
	Access  *token.Reader
	Refresh *session.Chain
}
