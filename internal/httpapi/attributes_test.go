package httpapi_test

import (
	"testing"

	"github.com/portaria/portaria/internal/app/apptest"
)

// TestNewAttributesOutdateLiveTokens: an access token from before is refused with
// token_outdated, the session goes on, and a refreshed token is accepted.
func TestNewAttributesOutdateLiveTokens(t *testing.T) {
	a := apptest.Start(t)
	id, ana := a.SignUp("ana@example.com")
	_, bia := a.SignUp("bia@example.com")
	a.SetAttributes(id, `{"roles":["admin"]}`)
	_, err := a.As(ana).Me(t.Context())
	refused(t, err, "token_outdated")
	_, err = a.As(bia).Me(t.Context())
	worked(t, err)
	ana, err = a.Refresh(t.Context(), ana.RefreshToken)
	worked(t, err)
	_, err = a.As(ana).Me(t.Context())
	worked(t, err)
	a.SetAttributes(id, `{"roles":["admin"]}`) // the same
	_, err = a.As(ana).Me(t.Context())
	worked(t, err)
}
