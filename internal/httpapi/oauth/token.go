package oauth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/session"
)

// token is the token endpoint (RFC 6749 §3.2). The caller is an authenticated client,
// or a public one.
func (o oauth) token(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	form := formOf(r)
	if err := form.only(tokenParameters()...); err != nil {
		return err
	}
	name := form.get("grant_type")
	grant, known := o.grants()[clients.Grant(name)]
	switch {
	case name == "":
		return invalidRequest("grant_type is missing.")
	case !known || !slices.Contains(GrantTypes(), name):
		return &api.OAuthError{Code: "unsupported_grant_type", Description: "Use " + strings.Join(GrantTypes(), " or ") + "."}
	case !c.Client.May(clients.Grant(name)) && !c.Client.Policy.NoRefresh:
		return issue.ErrGrantRefused
	}
	out, err := grant(r.Context(), c, form)
	if err != nil {
		return err
	}
	out.TokenType = "Bearer"
	w.Header().Set("Pragma", "no-cache") // RFC 6749 §5.1
	return endpoint.Respond(w, http.StatusOK, out)
}

// GrantTypes are the grant_type values of the token endpoint.
func GrantTypes() []string {
	var names []string
	for _, t := range clients.GrantTypes() {
		if t.TokenEndpoint {
			names = append(names, string(t.Grant))
		}
	}
	return names
}

// grants returns the function for each of GrantTypes.
func (o oauth) grants() map[clients.Grant]func(context.Context, access.Caller, oauthForm) (api.Granted, error) {
	return map[clients.Grant]func(context.Context, access.Caller, oauthForm) (api.Granted, error){
		clients.GrantClientCredentials: o.clientCredentials,
		clients.GrantRefreshToken:      o.refreshGrant,
	}
}

func (o oauth) clientCredentials(ctx context.Context, c access.Caller, f oauthForm) (api.Granted, error) {
	request, err := f.request(c)
	if err != nil {
		return api.Granted{}, err
	}
	got, err := o.Issuing.ClientCredentials(ctx, request, f.get("scope"), c.Use.At)
	return api.Granted{AccessToken: got.Access.Reveal(), ExpiresIn: endpoint.Seconds(got.ExpiresIn), Scope: got.Scope}, err
}

func (o oauth) refreshGrant(ctx context.Context, c access.Caller, f oauthForm) (api.Granted, error) {
	refreshToken := f.get("refresh_token")
	if refreshToken == "" {
		return api.Granted{}, invalidRequest("refresh_token is missing.")
	}
	// The session of a person has no scope, so every scope would be more.
	if f.get("scope") != "" {
		return api.Granted{}, issue.ErrScope
	}
	request, err := f.request(c)
	if err != nil {
		return api.Granted{}, err
	}
	got, event, err := o.Issuing.Refresh(ctx, session.Token(refreshToken), request, c.Use)
	o.Gate.Audit.Report(ctx, event)
	if err != nil {
		o.Gate.Audit.RefreshRefused(ctx, c, session.Token(refreshToken), err)
	}
	return api.Granted{
		AccessToken:  got.Access.Reveal(),
		ExpiresIn:    endpoint.Seconds(got.ExpiresIn),
		RefreshToken: got.Refresh.Reveal(),
	}, err
}

var errResources = errors.New("more than one resource")

// request returns the token that an OAuth request asks for. It allows one audience: each
// of several services could use a token for all of them at the others (RFC 8707 §2
// lets the server decide). resource and audience mean the same.
func (f oauthForm) request(c access.Caller) (issue.Request, error) {
	named := slices.Concat(f[mayRepeat], f[audienceParameter])
	for _, other := range named {
		if other != named[0] || len(f[mayRepeat]) > 1 {
			return issue.Request{}, errResources
		}
	}
	w := issue.Request{Client: c.Client, Proof: c.Proof}
	if len(named) > 0 {
		w.Audience = named[0]
	}
	return w, nil
}
