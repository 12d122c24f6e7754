package issue

import (
	"context"
	"errors"
	"time"

	"github.com/portaria/portaria/internal/session"
)

// ErrCrossSite says that a request with cookies does not show that a page of
// this site sent it.
var ErrCrossSite = errors.New("request of another site")

// CookieSession answers the living session of a refresh token that came in a
// cookie, and spends nothing. A browser sends cookies along with whatever any
// page makes it send; csrf is what only the pages of this site know. Errors:
// those of session.Chain.Find, and ErrCrossSite.
func (s *Service) CookieSession(ctx context.Context, t session.Token, csrf string, now time.Time) (session.Session, error) {
	found, err := s.chain.Find(ctx, t, now)
	if err != nil {
		return session.Session{}, err
	}
	if !s.chain.IsCSRF(found, csrf) {
		return session.Session{}, ErrCrossSite
	}
	return found, nil
}
