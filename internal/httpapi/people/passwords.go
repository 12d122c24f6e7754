package people

import (
	"context"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/password"
)

func (p people) passwordPolicy(context.Context, access.Caller, endpoint.None) (api.PasswordPolicy, error) {
	out := api.PasswordPolicy{
		MinLength: password.MinLength, MaxLength: password.MaxLength,
		Refused: []string{"password_common", "password_is_identifier", "password_refused_word"},
	}
	if p.Accounts.KnowsBreaches() {
		out.Refused = append(out.Refused, "password_breached")
	}
	return out, nil
}
