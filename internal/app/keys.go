package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/keyring/masterkey"
)

// ErrDevMasterKey reports a master key that was created for development, with a production
// database.
var ErrDevMasterKey = errors.New("the master key was created for development: " +
	"make your own with `openssl rand -base64 32`, and name its file with master_key_file")

// masterKey reads the master key, or creates one on the first start with SQLite.
// sealed means that the database already needs the old key. A new key would not
// help then, and would hide the mistake.
func (a *App) masterKey(sealed bool) (*masterkey.Key, error) {
	key, err := readMasterKey(a.config)
	_, sqlite := a.config.Database.SQLite()
	switch {
	case errors.Is(err, masterkey.ErrMissing) && sealed:
		return nil, fmt.Errorf("the master key of this database is missing: %w", err)
	case errors.Is(err, masterkey.ErrMissing) && sqlite:
		return a.makeMasterKey()
	case errors.Is(err, masterkey.ErrMissing):
		return nil, fmt.Errorf("with PostgreSQL you must make the master key, with `openssl rand -base64 32`: %w", err)
	case err != nil:
		return nil, err
	case key.Dev() && !sqlite:
		return nil, ErrDevMasterKey
	}
	return key, nil
}

// makeMasterKey creates the file, or reads it if another process that starts in the same
// folder was faster.
func (a *App) makeMasterKey() (*masterkey.Key, error) {
	key, err := masterkey.CreateFile(a.config.MasterKeyFile, true)
	if errors.Is(err, fs.ErrExist) {
		return readMasterKey(a.config)
	}
	if err == nil {
		a.Made.MasterKey = a.config.MasterKeyFile
	}
	return key, err
}

func readMasterKey(c config.Config) (*masterkey.Key, error) {
	if c.MasterKey != "" {
		return masterkey.Parse([]byte(c.MasterKey.Reveal()))
	}
	return masterkey.Load(c.MasterKeyFile)
}

// keyPolicy keeps retired keys published for as long as any token they
// signed, the operator's included.
func keyPolicy(c config.Config) keyring.Policy {
	return c.Keys(operatorTTL)
}

// explainKeys adds the file of a wrong master key to the error.
func explainKeys(err error, c config.Config) error {
	if errors.Is(err, masterkey.ErrWrong) && c.MasterKey == "" {
		return fmt.Errorf("%s does not fit this database: %w", c.MasterKeyFile, err)
	}
	return err
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// knownKey reports whether the ring has a signing key with this kid. It reads the store again
// if the kid is unknown.
func (a *App) knownKey(ctx context.Context, kid string) (bool, error) {
	has := func(k keyring.Key) bool { return k.Kid() == kid && k.Record().Purpose == keyring.Signing }
	if slices.ContainsFunc(a.ring.Keys(), has) {
		return true, nil
	}
	if err := a.ring.Reload(ctx); err != nil {
		return false, err
	}
	return slices.ContainsFunc(a.ring.Keys(), has), nil
}
