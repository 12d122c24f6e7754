package apptest

import (
	"context"
	"errors"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/internal/token"
)

// SignInFrom starts a session that comes from the one of a sign-in, as single
// sign-on does. No route does that yet, so another process on the same database
// does it.
func (a *App) SignInFrom(parent api.Tokens) api.Tokens {
	a.t.Helper()
	made, err := a.signInFrom(context.Background(), parent.SessionID)
	if err != nil {
		a.t.Fatalf("sign in from session %s: %v", parent.SessionID, err)
	}
	return api.Tokens{AccessToken: made.Access.Reveal(), RefreshToken: made.Refresh.Reveal(), SessionID: made.SessionID}
}

// SetAttributes replaces the attributes of an account. No route does that yet, so
// another process on the same database does it.
func (a *App) SetAttributes(id string, attributes account.Attributes) {
	a.t.Helper()
	store, err := sqlstore.Open(context.Background(), a.config.Database.Reveal(), sqlstore.Options{})
	if err != nil {
		a.t.Fatalf("open database: %v", err)
	}
	err = errors.Join(store.SetAttributes(context.Background(), id, attributes, a.now()), store.Close())
	if err != nil {
		a.t.Fatalf("set attributes: %v", err)
	}
}

func (a *App) signInFrom(ctx context.Context, parent string) (issue.Tokens, error) {
	keys, err := app.Keys(ctx, a.config, a.now())
	if err != nil {
		return issue.Tokens{}, err
	}
	defer keys.Close()
	store, err := sqlstore.Open(ctx, a.config.Database.Reveal(), sqlstore.Options{})
	if err != nil {
		return issue.Tokens{}, err
	}
	defer store.Close()
	tokens, err := token.NewIssuer(keys.Ring, a.config.Token(a.URL))
	if err != nil {
		return issue.Tokens{}, err
	}
	key, err := keys.Ring.Secret(ctx, "refresh-token")
	if err != nil {
		return issue.Tokens{}, err
	}
	chain, err := session.NewChain(store, key, a.config.Session())
	if err != nil {
		return issue.Tokens{}, err
	}
	issuing, err := issue.New(issue.Config{Store: store, Chain: chain, Tokens: tokens, Events: store, Policy: a.config.Issue()})
	if err != nil {
		return issue.Tokens{}, err
	}
	top, owner, err := store.SessionWithOwner(ctx, parent)
	if err != nil {
		return issue.Tokens{}, err
	}
	plan, err := issuing.Plan(ctx, issue.Request{Parent: top.Root()}, a.now())
	if err != nil {
		return issue.Tokens{}, err
	}
	return issuing.Start(ctx, plan, issue.Proved{Account: owner, Proofs: top.Proofs}, session.Use{At: a.now()})
}
