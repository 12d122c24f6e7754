package people

import (
	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/session"
)

func tokens(t issue.Tokens) api.Tokens {
	return api.Tokens{
		AccessToken:      t.Access.Reveal(),
		TokenType:        "Bearer",
		ExpiresIn:        endpoint.Seconds(t.ExpiresIn),
		RefreshToken:     t.Refresh.Reveal(),
		RefreshExpiresIn: endpoint.Seconds(t.RefreshExpiresIn),
		SessionID:        t.SessionID,
		CSRF:             t.CSRF.Reveal(),
		Fresh:            t.Fresh,
	}
}

// AccountOf returns an account as the API shows it.
func AccountOf(a account.Account) api.Account {
	out := api.Account{
		ID:                a.ID,
		Identifier:        a.Identifier,
		CreatedAt:         a.CreatedAt,
		PasswordChangedAt: a.PasswordChangedAt,
	}
	if a.Disabled() {
		out.DisabledAt = &a.DisabledAt
	}
	return out
}

// SessionOf returns a session as the API shows it to a caller.
func SessionOf(c access.Caller, s session.Session) api.Session {
	return api.Session{
		ID:        s.ID,
		AccountID: s.AccountID,
		ClientID:  s.ClientID,
		Parent:    s.Parent,
		CreatedAt: s.CreatedAt,
		AuthTime:  s.AuthTime(),
		UsedAt:    s.UsedAt,
		ExpiresAt: s.ExpiresAt,
		Address:   s.Address,
		UserAgent: s.UserAgent,
		Current:   s.ID != "" && s.ID == c.Session.ID,
	}
}
