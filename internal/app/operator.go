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

// operator is the subject of tokens that the holder of the master key makes. There is no
// account for it.
const operator = event.Operator

// AsOperator returns a context in which events name the operator as their actor.
func AsOperator(ctx context.Context) context.Context {
	return event.From(ctx, event.Origin{Actor: operator})
}

// ErrNoKeys reports that the database has no keys, so no service was ever started on it.
var ErrNoKeys = errors.New("no keys in this database: run this where `portaria serve` runs, with the same settings")

// OperatorToken returns an access token for administrators, signed with the local key and
// valid for one minute. It grants nothing new: everybody who can read the database and the
// master key can sign tokens.
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
		Revision:  log.Seq, // so that earlier revocations do not refuse it
		ExpiresAt: now.Add(operatorTTL),
	})
	return minted.Reveal(), err
}

// LocalKeys is the key ring of a service, opened while the service runs or not. The caller
// closes it.
type LocalKeys struct {
	*keyring.Ring
	store *sqlstore.Store
}

// Keys opens the keys of a service that was started before. A running service notices
// changes within [keyring.ReloadEvery]. Keys creates nothing: without a service it returns
// ErrNoKeys.
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

// Found creates the keys of a service that was never started, with a given first signing
// key. Like a first start, it also creates the database and the master key. It returns
// keyring.ErrConflict if there are keys already.
func Found(ctx context.Context, c config.Config, key jose.Key, now time.Time) (_ *LocalKeys, made Made, err error) {
	c.DatabaseWait = 0 // a command fails at once
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

// Unused reports that there are no accounts and no clients. So there are no tokens, except
// the operator's own.
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

// existingRing opens the keys of a service that was started before. It creates none.
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

// BuiltInClient reports whether a client id belongs to the service itself. It is not
// registered, but tokens carry it.
func BuiltInClient(id string) bool { return id == issue.ClientID || id == issue.OperatorClientID }
