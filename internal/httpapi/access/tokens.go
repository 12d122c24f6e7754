package access

import (
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/token"
)

// Tokens reads tokens that a request asks about, revokes or replaces.
type Tokens struct {
	Access  *token.Reader
	Refresh *session.Chain
}
