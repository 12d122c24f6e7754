package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/internal/token"
)

// operatorTTL is short: a token is made for each command.
const operatorTTL = time.Minute

// operator is the subject of the tokens of whoever holds the master key. It
// is no account.
const operator = event.Operator

// AsOperator returns a context in which all that happens is the operator's
// doing, as the audit trail tells it.
func AsOperator(ctx context.Context) context.Context {
	return event.From(ctx, event.Origin{Actor: operator})
}

// ErrNoKeys says that there is no service here to be an operator of.
var ErrNoKeys = errors.New("no keys in this database: run this where `portaria serve` runs, with the same settings")

// OperatorToken makes a short-lived access token for administrators, signed
// with the local key. Whoever can read the database and the master key could
// make one anyway; this is the shortest way for those who may.
func OperatorToken(ctx context.Context, c config.Config, issuer string, now time.Time) (access string, err error) {
	keys, err := Keys(ctx, c, now)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()
	log, err := keys.store.Log(ctx)
	if err != nil {
		return "", err
	}
	tokens, err := token.NewIssuer(keys.Ring, c.Token(issuer))
	if err != nil {
		return "", err
	}
	minted, _, err := tokens.Mint(now, token.Claims{
		Subject:   operator,
		Audience:  []string{tokens.Self()},
		ClientID:  issue.OperatorClientID,
		Scope:     api.AdminScope,
		Revision:  log.Seq, // good also after everything so far was revoked
		ExpiresAt: now.Add(operatorTTL),
	})
	return minted.Reveal(), err
}

// LocalKeys is the key ring of the service in this directory, opened beside it.
// The caller closes it.
type LocalKeys struct {
	*keyring.Ring
	store *sqlstore.Store
}

// Keys opens the keys of a service that has been started before, running or
// not. What is changed on them, a running service notices at its next look
// ([keyring.ReloadEvery]). Where there is no service it makes nothing and
// returns ErrNoKeys.
func Keys(ctx context.Context, c config.Config, now time.Time) (*LocalKeys, error) {
	if path, ok := c.Database.SQLite(); ok && missing(path) {
		return nil, fmt.Errorf("%s: %w", path, ErrNoKeys)
	}
	store, err := openStore(ctx, c, sqlstore.Options{Guest: true})
	if err != nil {
		return nil, err
	}
	ring, err := existingRing(ctx, c, store, now)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &LocalKeys{ring, store}, nil
}

// Found makes the keys of a service that was never started, with this one as the
// first signing key, and what the first start makes beside it: database and
// master key. It returns keyring.ErrConflict where there are keys already.
func Found(ctx context.Context, c config.Config, key jose.Key, now time.Time) (_ *LocalKeys, made Made, err error) {
	c.DatabaseWait = 0 // a command does not wait in silence
	a := &App{config: c, log: slog.New(slog.DiscardHandler), now: func() time.Time { return now }, panics: background.New(slog.New(slog.DiscardHandler))}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if err := a.openStore(ctx, sqlstore.Options{Panics: a.panics}); err != nil {
		return nil, a.Made, err
	}
	sealed, err := keyring.Sealed(ctx, a.store.Keyring())
	if err == nil && sealed {
		err = keyring.ErrConflict
	}
	if err != nil {
		return nil, a.Made, err
	}
	master, err := a.masterKey(false)
	if err != nil {
		return nil, a.Made, err
	}
	ring, err := keyring.Found(ctx, a.store.Keyring(), master, keyPolicy(c), key, now)
	if err != nil {
		return nil, a.Made, explainKeys(err, c)
	}
	return &LocalKeys{ring, a.store}, a.Made, nil
}

// Unused reports that there are no accounts and no clients: nobody can have a
// token, except the operator, and no verifier has met one.
func (k *LocalKeys) Unused(ctx context.Context) (bool, error) {
	people, err := k.store.Accounts(ctx, account.Page{Limit: 1})
	if err != nil {
		return false, err
	}
	registered, err := k.store.Clients(ctx, "", 1)
	return len(people) == 0 && len(registered) == 0, err
}

// Close closes the database.
func (k *LocalKeys) Close() error { return k.store.Close() }

// existingRing opens the keys of a service that has been started before; it
// makes none.
func existingRing(ctx context.Context, c config.Config, store *sqlstore.Store, now time.Time) (*keyring.Ring, error) {
	sealed, err := keyring.Sealed(ctx, store.Keyring())
	if err != nil {
		return nil, err
	}
	if !sealed {
		return nil, ErrNoKeys
	}
	master, err := readMasterKey(c)
	if err != nil {
		return nil, err
	}
	ring, err := keyring.Open(ctx, store.Keyring(), master, keyPolicy(c), now)
	if err != nil {
		return nil, explainKeys(err, c)
	}
	return ring, nil
}

// BuiltInClient reports whether a client is the service's own: nobody registers
// it, and there are tokens of it.
func BuiltInClient(id string) bool { return id == issue.ClientID || id == issue.OperatorClientID }
