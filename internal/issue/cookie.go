package issue

import (
	"context"
	"errors"
	"time"

	"github.com/portaria/portaria/internal/session"
)

// ErrCrossSite reports that nothing shows that a page of this site sent a request with
// cookies.
var ErrCrossSite = errors.New("request of another site")

// CookieSession returns the live session of a refresh token from a cookie, and spends
// nothing. Browsers send cookies with requests that pages of other sites start, so csrf
// must be the session's value, which only pages of this site know. Errors: those of
// session.Chain.Find, and ErrCrossSite.
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
