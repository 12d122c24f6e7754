package signin_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/password/legacy"
)

// overtaken is a store in which something else happens just before the first session
// is started.
type overtaken struct {
	issue.Store
	before func()
}

func (o *overtaken) StartSession(ctx context.Context, s issue.Start) (int64, error) {
	if before := o.before; before != nil {
		o.before = nil
		before()
	}
	return o.Store.StartSession(ctx, s)
}

// moved opens a house with an account of another system.
func moved(t *testing.T) (house, *overtaken) {
	t.Helper()
	store := &overtaken{}
	h := openWith(t, cost(8, 1), nil, week, func(p *parts) {
		store.Store = p.Sessions
		p.Sessions = store
	})
	sum := md5.Sum([]byte(first))
	arrived, err := h.Import(t.Context(), []account.Newcomer{{Identifier: ana, Hash: legacy.Source{Text: hex.EncodeToString(sum[:])}}},
		account.Import{Wrap: password.WrapWeak, At: start})
	must(t, err)
	if arrived[0].State != account.Imported || !strings.HasPrefix(h.account().PasswordHash, "$wrapped$md5$") {
		t.Fatalf("%+v, hash %.12s", arrived[0], h.account().PasswordHash)
	}
	return h, store
}

func TestForeignHashIsReplacedAtSignIn(t *testing.T) {
	h, _ := moved(t)
	before := h.account()
	h.refuse(account.ErrNotProved, other)
	if h.account().PasswordHash != before.PasswordHash {
		t.Fatal("a wrong password replaced the hash")
	}
	h.signIn(first)
	after := h.account()
	if !strings.HasPrefix(after.PasswordHash, "$argon2id$") || !after.PasswordChangedAt.Equal(before.PasswordChangedAt) {
		t.Errorf("hash %.12s…, changed at %v", after.PasswordHash, after.PasswordChangedAt)
	}
	h.signIn(first)
	if h.account().PasswordHash != after.PasswordHash {
		t.Error("a current hash was replaced")
	}
}

// Two sign-ins at the same time both succeed: the second one finds that the first has
// replaced the hash that it had read.
func TestTwoSignInsReplaceOneHash(t *testing.T) {
	h, store := moved(t)
	store.before = func() { h.signIn(first) }
	h.signIn(first)
	if got := h.account(); !strings.HasPrefix(got.PasswordHash, "$argon2id$") || got.CredentialsVersion != 1 {
		t.Errorf("hash %.12s…, version %d", got.PasswordHash, got.CredentialsVersion)
	}
}

// A change that falls between the check and the session wins, also while the hash is
// replaced.
func TestAChangeWinsOverTheReplacement(t *testing.T) {
	for name, change := range map[string]func(house, string) error{
		"password": func(h house, id string) error {
			_, err := h.SetPassword(h.Context(), id, typed(h.T, other), start)
			return err
		},
		"disabled": func(h house, id string) error { _, err := h.DisableAccount(h.Context(), id, start); return err },
		"deleted":  func(h house, id string) error { return h.DeleteAccount(h.Context(), id, start) },
	} {
		h, store := moved(t)
		id := h.account().ID
		store.before = func() { must(t, change(h, id)) }
		if _, err := h.Password(t.Context(), ana, typed(t, first), issue.Request{}, use(0)); !errors.Is(err, account.ErrNotProved) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
