package httpapi

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
func (s *Server) known(ctx context.Context, t api.Target) error {
	for _, named := range []struct {
		id   string
		find func(context.Context, string) error
	}{{t.Session, s.knownSession}, {t.Account, s.knownAccount}, {t.Client, s.knownClient}, {t.Key, s.knownKey}} {
		if named.id == "" {
			continue
		}
		if err := named.find(ctx, named.id); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) knownSession(ctx context.Context, id string) error {
	_, err := s.sessions.Session(ctx, id)
	return targetError(err, session.ErrNotFound)
}

func (s *Server) knownAccount(ctx context.Context, id string) error {
	_, err := s.accounts.Account(ctx, id)
	return targetError(err, account.ErrNotFound)
}

func (s *Server) knownClient(ctx context.Context, id string) error {
	if id == issue.ClientID || id == issue.OperatorClientID {
		return nil // not registered, but there are tokens of theirs
	}
	if !clients.IsID(id) {
		return revoke.ErrTarget
	}
	_, err := s.Clients.Store.Client(ctx, id)
	return targetError(err, clients.ErrNotFound)
}

func (s *Server) knownKey(ctx context.Context, kid string) error {
	found, err := s.KnownKey(ctx, kid)
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
