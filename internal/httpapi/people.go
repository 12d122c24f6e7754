package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/signin"
	"github.com/portaria/portaria/internal/token"
)

func (s *Server) signUp(ctx context.Context, c Caller, in api.Credentials) (api.Created, error) {
	identifier, err := named(in)
	if err != nil {
		return api.Created{}, err
	}
	id, err := s.people.SignUp(ctx, identifier, in.Password, c.Use.At)
	return api.Created{ID: id}, err
}

func (s *Server) signIn(ctx context.Context, c Caller, in api.SignIn) (api.Tokens, error) {
	identifier, err := named(in.Credentials)
	if err != nil {
		return api.Tokens{}, err
	}
	plain, err := password.Typed(in.Password)
	if err != nil {
		return api.Tokens{}, err
	}
	wish, err := c.wish(in.Audience, in.Delivery)
	if err != nil {
		return api.Tokens{}, err
	}
	if wish.Proof, err = s.through(ctx, c, clients.Shown{ClientID: in.ClientID, Assertion: clients.Plain(in.ClientAssertion)}); err != nil {
		return api.Tokens{}, err
	}
	wish.Client = wish.Proof.Client
	left, err := s.leftBehind(ctx, c, wish)
	if err != nil {
		return api.Tokens{}, err
	}
	got, err := s.login.Password(ctx, identifier, plain, wish, c.Use)
	if err != nil {
		return api.Tokens{}, fieldAtFault(err)
	}
	if err := s.endLeftBehind(ctx, c, left, got.SessionID); err != nil {
		return api.Tokens{}, err
	}
	return c.deliver(got, wish), nil
}

func (s *Server) refresh(ctx context.Context, c Caller, in api.Refresh) (api.Tokens, error) {
	c, spent, err := s.spender(ctx, c, in.RefreshToken)
	if err != nil {
		return api.Tokens{}, err
	}
	wish, err := c.wish(in.Audience, in.Delivery)
	if err != nil {
		return api.Tokens{}, err
	}
	if wish.Proof, err = s.through(ctx, c, clients.Shown{ClientID: in.ClientID, Assertion: clients.Plain(in.ClientAssertion)}); err != nil {
		return api.Tokens{}, err
	}
	wish.Client = wish.Proof.Client
	var left []string
	if !c.inCookie { // a session of another sign-in, whose place these cookies take
		if left, err = s.leftBehind(ctx, c, wish); err != nil {
			return api.Tokens{}, err
		}
	}
	got, event, err := s.issuer.Refresh(ctx, spent, wish, c.Use)
	s.report(ctx, event)
	if err != nil {
		s.recordRefusedRefresh(ctx, c, spent, err)
		return api.Tokens{}, fieldAtFault(err)
	}
	if err := s.endLeftBehind(ctx, c, left, got.SessionID); err != nil {
		return api.Tokens{}, err
	}
	return c.deliver(got, wish), nil
}

func (s *Server) stepUp(ctx context.Context, c Caller, in api.StepUp) (api.Tokens, error) {
	plain, err := password.Typed(in.Password)
	if err != nil {
		return api.Tokens{}, err
	}
	wish, err := c.wish(in.Audience, in.Delivery)
	if err != nil {
		return api.Tokens{}, err
	}
	if c.Session.ClientID != issue.ClientID {
		if wish.Client, err = s.Prover.Usable(ctx, c.Session.ClientID); err != nil {
			return api.Tokens{}, err
		}
	}
	got, err := s.login.StepUp(ctx, c.Session, plain, wish, c.Use.At)
	if err != nil {
		return api.Tokens{}, fieldAtFault(err)
	}
	return c.deliver(got, wish), nil
}

func (s *Server) signOut(ctx context.Context, c Caller, in api.Logout) (endpoint.None, error) {
	c, err := s.leaver(ctx, c, in.RefreshToken)
	if err != nil {
		return endpoint.None{}, err
	}
	ctx = event.From(ctx, c.origin()) // the caller is only known from here on
	_, err = s.sessions.EndSession(ctx, session.End{ID: c.Session.ID, Reason: session.ReasonSignedOut, At: c.Use.At})
	if err == nil {
		c.left()
	}
	return endpoint.None{}, err
}

func (s *Server) me(_ context.Context, c Caller, _ endpoint.None) (api.Me, error) {
	return api.Me{Account: accountOf(c.owner), Session: c.sessionOf(c.Session)}, nil
}

func (s *Server) changePassword(ctx context.Context, c Caller, in api.PasswordChange) (endpoint.None, error) {
	current, err := password.Typed(in.CurrentPassword)
	if err != nil {
		return endpoint.None{}, err
	}
	return endpoint.None{}, s.login.ChangePassword(ctx, signin.Change{
		Session: c.Session,
		Current: current,
		New:     in.NewPassword,
		At:      c.Use.At,
	})
}

// report logs what a refresh showed. These are the lines an operator greps
// for when somebody says that he was robbed.
func (s *Server) report(ctx context.Context, e session.Event) {
	if e.Kind == "" {
		return
	}
	s.Log.LogAttrs(ctx, slog.LevelWarn, string(e.Kind),
		slog.String("session_id", e.SessionID),
		slog.String("account_id", e.AccountID),
		slog.String("address", e.Use.Address),
		slog.String("user_agent", e.Use.UserAgent))
}

// fieldAtFault says which field an error of the domain is about.
func fieldAtFault(err error) error {
	switch {
	case errors.Is(err, issue.ErrTarget):
		return problem.Field("audience", "the application is not registered with this audience")
	case errors.Is(err, token.ErrAudience):
		return problem.Field("audience", "no access tokens are issued for this audience")
	}
	return err
}

// named takes the identifier from whichever of its three names was used.
func named(in api.Credentials) (string, error) {
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

func tokens(t issue.Tokens) api.Tokens {
	return api.Tokens{
		AccessToken:      t.Access.Reveal(),
		TokenType:        "Bearer",
		ExpiresIn:        seconds(t.ExpiresIn),
		RefreshToken:     t.Refresh.Reveal(),
		RefreshExpiresIn: seconds(t.RefreshExpiresIn),
		SessionID:        t.SessionID,
		CSRF:             t.CSRF.Reveal(),
		Fresh:            t.Fresh,
	}
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

func accountOf(a account.Account) api.Account {
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

func (c Caller) sessionOf(s session.Session) api.Session {
	return api.Session{
		ID:        s.ID,
		AccountID: s.AccountID,
		ClientID:  s.ClientID,
		CreatedAt: s.CreatedAt,
		AuthTime:  s.AuthTime(),
		UsedAt:    s.UsedAt,
		ExpiresAt: s.ExpiresAt,
		Address:   s.Address,
		UserAgent: s.UserAgent,
		Current:   s.ID != "" && s.ID == c.Session.ID,
	}
}
