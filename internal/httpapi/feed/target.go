package feed

import (
	"context"
	"errors"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/session"
)

// known returns revoke.ErrTarget when what the target names does not exist. A rule
// about a misspelt id would look as if what was meant were over. A jti cannot be
// looked up, because access tokens are not stored.
func (f *server) known(ctx context.Context, t api.Target) error {
	for _, named := range []struct {
		id   string
		find func(context.Context, string) error
	}{{t.Session, f.knownSession}, {t.Account, f.knownAccount}, {t.Client, f.knownClient}, {t.Key, f.knownKey}} {
		if named.id == "" {
			continue
		}
		if err := named.find(ctx, named.id); err != nil {
			return err
		}
	}
	return nil
}

func (f *server) knownSession(ctx context.Context, id string) error {
	_, err := f.Targets.Sessions.Session(ctx, id)
	return targetError(err, session.ErrNotFound)
}

func (f *server) knownAccount(ctx context.Context, id string) error {
	_, err := f.Targets.Accounts.Account(ctx, id)
	return targetError(err, account.ErrNotFound)
}

func (f *server) knownClient(ctx context.Context, id string) error {
	if id == issue.ClientID || id == issue.OperatorClientID {
		return nil // not registered, but there are tokens of theirs
	}
	if !clients.IsID(id) {
		return revoke.ErrTarget
	}
	_, err := f.Targets.Clients.Client(ctx, id)
	return targetError(err, clients.ErrNotFound)
}

func (f *server) knownKey(ctx context.Context, kid string) error {
	found, err := f.Targets.Key(ctx, kid)
	if err == nil && !found {
		err = revoke.ErrTarget
	}
	return err
}

// targetError replaces the error that says that something does not exist.
func targetError(err, missing error) error {
	if errors.Is(err, missing) {
		return revoke.ErrTarget
	}
	return err
}
