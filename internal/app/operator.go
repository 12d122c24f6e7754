package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/login"
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
	issue, err := token.NewIssuer(keys.Ring, c.Token(issuer))
	if err != nil {
		return "", err
	}
	minted, _, err := issue.Mint(now, token.Claims{
		Subject:   operator,
		Audience:  []string{issue.Self()},
		ClientID:  login.OperatorClientID,
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
	store, err := openStore(ctx, c.Database, sqlstore.Options{})
	if err != nil {
		return nil, err
	}
	ring, err := existingRing(ctx, c, store, now)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &LocalKeys{ring, store}, nil
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
func BuiltInClient(id string) bool { return id == login.ClientID || id == login.OperatorClientID }
