package people

import (
	"context"
	"errors"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/signin"
	"github.com/portaria/portaria/internal/token"
)

func (p people) signUp(ctx context.Context, c access.Caller, in api.Credentials) (api.Created, error) {
	identifier, err := Identifier(in)
	if err != nil {
		return api.Created{}, err
	}
	chosen, err := password.Typed(string(in.Password))
	if err != nil {
		return api.Created{}, err
	}
	id, err := p.SignIn.SignUp(ctx, identifier, chosen, c.Use)
	return api.Created{ID: id}, err
}

func (p people) signIn(ctx context.Context, c access.Caller, in api.SignIn) (api.Tokens, error) {
	identifier, err := Identifier(in.Credentials)
	if err != nil {
		return api.Tokens{}, err
	}
	plain, err := password.Typed(string(in.Password))
	if err != nil {
		return api.Tokens{}, err
	}
	request, err := requestOf(c, in.Audience, in.Delivery)
	if err != nil {
		return api.Tokens{}, err
	}
	if request.Proof, err = p.Gate.Application(ctx, c, clients.Shown{ClientID: in.ClientID, Assertion: clients.Plain(in.ClientAssertion)}); err != nil {
		return api.Tokens{}, err
	}
	request.Client = request.Proof.Client
	old, err := p.replaced(ctx, c, request)
	if err != nil {
		return api.Tokens{}, err
	}
	got, err := p.SignIn.Password(ctx, signin.Try{Identifier: identifier, Password: plain, Devices: deviceTokens(c, in.Device)}, request, c.Use)
	if err != nil {
		return api.Tokens{}, fieldAtFault(err)
	}
	if err := p.endReplaced(ctx, c, old, got.SessionID); err != nil {
		return api.Tokens{}, err
	}
	out := deliver(c, got.Tokens, request)
	if request.Cookie {
		p.keepDeviceToken(c, got.Device, got.Replaced)
	} else {
		out.Device = got.Device
	}
	return out, nil
}

func (p people) refresh(ctx context.Context, c access.Caller, in api.Refresh) (api.Tokens, error) {
	c, spent, err := p.spender(ctx, c, in.RefreshToken)
	if err != nil {
		return api.Tokens{}, err
	}
	request, err := requestOf(c, in.Audience, in.Delivery)
	if err != nil {
		return api.Tokens{}, err
	}
	if request.Proof, err = p.Gate.Application(ctx, c, clients.Shown{ClientID: in.ClientID, Assertion: clients.Plain(in.ClientAssertion)}); err != nil {
		return api.Tokens{}, err
	}
	request.Client = request.Proof.Client
	var old []string
	if !c.InCookie { // these cookies replace those of an earlier sign-in
		if old, err = p.replaced(ctx, c, request); err != nil {
			return api.Tokens{}, err
		}
	}
	got, event, err := p.Issuing.Refresh(ctx, spent, request, c.Use)
	p.Gate.Audit.Report(ctx, event)
	if err != nil {
		p.Gate.Audit.RefreshRefused(ctx, c, spent, err)
		return api.Tokens{}, fieldAtFault(err)
	}
	if err := p.endReplaced(ctx, c, old, got.SessionID); err != nil {
		return api.Tokens{}, err
	}
	return deliver(c, got, request), nil
}

func (p people) stepUp(ctx context.Context, c access.Caller, in api.StepUp) (api.Tokens, error) {
	plain, err := password.Typed(string(in.Password))
	if err != nil {
		return api.Tokens{}, err
	}
	request, err := requestOf(c, in.Audience, in.Delivery)
	if err != nil {
		return api.Tokens{}, err
	}
	if c.Session.ClientID != issue.ClientID {
		if request.Client, err = p.Gate.Clients.Usable(ctx, c.Session.ClientID); err != nil {
			return api.Tokens{}, err
		}
	}
	got, err := p.SignIn.StepUp(ctx, c.Session, plain, request, c.Use.At)
	if err != nil {
		return api.Tokens{}, fieldAtFault(err)
	}
	return deliver(c, got, request), nil
}

func (p people) signOut(ctx context.Context, c access.Caller, in api.Logout) (endpoint.None, error) {
	c, err := p.leaver(ctx, c, in.RefreshToken)
	if err != nil {
		return endpoint.None{}, err
	}
	ctx = event.From(ctx, c.Origin()) // the caller was not known before
	_, err = p.Sessions.EndSession(ctx, session.End{ID: c.Session.ID, Reason: session.ReasonSignedOut, At: c.Use.At})
	if err == nil {
		left(c)
	}
	return endpoint.None{}, err
}

func (p people) me(_ context.Context, c access.Caller, _ endpoint.None) (api.Me, error) {
	return api.Me{Account: AccountOf(c.Owner), Session: SessionOf(c, c.Session), PasswordAdvice: c.Owner.PasswordAdvice}, nil
}

func (p people) changePassword(ctx context.Context, c access.Caller, in api.PasswordChange) (endpoint.None, error) {
	current, err := password.Typed(string(in.CurrentPassword))
	if err != nil {
		return endpoint.None{}, err
	}
	chosen, err := password.Typed(string(in.NewPassword))
	if err != nil {
		return endpoint.None{}, err
	}
	if err := p.SignIn.ChangePassword(ctx, signin.Change{
		Session: c.Session,
		Current: current,
		New:     chosen,
		At:      c.Use.At,
	}); err != nil {
		return endpoint.None{}, err
	}
	token, replaced, err := p.SignIn.Renew(c.Owner, deviceTokens(c, ""), c.Use.At)
	if err == nil && token != "" {
		p.keepDeviceToken(c, token, replaced)
	}
	// The password is changed. A device without a device token only has to sign in.
	return endpoint.None{}, nil
}

// fieldAtFault names the field that an error of the domain is about.
func fieldAtFault(err error) error {
	switch {
	case errors.Is(err, issue.ErrTarget):
		return problem.Field("audience", "the application is not registered with this audience")
	case errors.Is(err, token.ErrAudience):
		return problem.Field("audience", "no access tokens are issued for this audience")
	}
	return err
}

// Identifier returns the identifier, which a request may give under three names.
func Identifier(in api.Credentials) (string, error) {
	given := ""
	for _, name := range []string{in.Identifier, in.Email, in.Username} {
		if name != "" && given != "" {
			return "", problem.Field("identifier", "give one of identifier, email, username")
		}
		given += name
	}
	if given == "" {
		return "", problem.Field("identifier", "required")
	}
	return given, nil
}
