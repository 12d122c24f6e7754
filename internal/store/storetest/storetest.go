// Package storetest holds the promises of the domain packages' store
// interfaces as tests, to be run on every store.
//
// The package has more than 1,500 lines because it tests every method of every store
// interface; it is the list of their promises.
package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/flow"
	"github.com/portaria/portaria/internal/guard"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/fleet"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/webhook"
)

// Store is everything that a truthful store keeps but keys.
type Store interface {
	account.Store
	session.Store
	issue.Store
	clients.Store
	revoke.Store
	event.Store
	fleet.Store
	flow.Store
	guard.Store
}

// Stores is a store under test.
type Stores struct {
	Store
	Keys keyring.Store
	// Webhooks is a part of it, too.
	Webhooks webhook.Store
	// Beside opens the same database once more, as another process does.
	Beside func() Store
	// Rows returns every row of every table as a text, for Changes.
	Rows func() []string
}

// Run runs every promise on a fresh store from open.
func Run(t *testing.T, open func(t *testing.T) Stores) {
	for _, list := range []promises{
		accountPromises(), importPromises(), credentialPromises(), linkPromises(), parentPromises(), sessionPromises(), pagePromises(), loginPromises(), racePromises(), keyPromises(), secretPromises(),
		clientPromises(), describedPromises(), assertionPromises(), disablingPromises(),
		webhookPromises(), deliveryPromises(),
		revocationPromises(), eventPromises(), recordPromises(), revisionPromises(), crossingPromises(),
		verifierPromises(), flowPromises(), budgetPromises(),
	} {
		for name, promise := range list {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				stores := open(t)
				promise(&suite{TB: t, ctx: t.Context(), store: stores.Store, keys: stores.Keys, hooks: stores.Webhooks, beside: stores.Beside})
			})
		}
	}
}

type promises map[string]func(*suite)

// suite is the test of one promise, with the verbs for promises.
type suite struct {
	testing.TB
	ctx   context.Context
	store Store
	keys  keyring.Store
	hooks webhook.Store
	// beside is another process's.
	beside func() Store
}

// start is when these tests begin, in whole milliseconds.
var start = time.UnixMilli(1_800_000_000_123).UTC()

func at(d time.Duration) time.Time { return start.Add(d) }

// nobody is an id that no store has.
const nobody = "00000000-0000-4000-8000-000000000000"

// person is an account ready to be created.
func person(identifier string) account.Account {
	return account.Account{
		ID:                uuid.NewString(),
		Identifier:        identifier,
		Canonical:         "c:" + identifier,
		PasswordHash:      "hash of " + identifier,
		CreatedAt:         start,
		PasswordChangedAt: start,
	}
}

// device is a session of a ready to be started.
func device(a account.Account) session.Session {
	return session.Session{
		ID:             uuid.NewString(),
		AccountID:      a.ID,
		ClientID:       "web",
		Audience:       "orders",
		CreatedAt:      start,
		Proofs:         proved(start),
		UsedAt:         start,
		Address:        "192.0.2.1",
		UserAgent:      "Browser/1",
		Salt:           [16]byte{1, 2, 3, 0, 255},
		ExpiresAt:      at(time.Hour),
		AbsoluteExpiry: at(24 * time.Hour),
	}
}

// proved is a password proved at a moment.
func proved(at time.Time) session.Proofs {
	return session.Proofs{{Method: session.MethodPassword, At: at}}
}

// older is an account as it was before a change of its credentials that kept the
// hash, and elsewise one whose hash the version before this one has changed.
func older(a account.Account) account.Account {
	a.CredentialsVersion--
	return a
}

func elsewise(a account.Account) account.Account {
	a.PasswordHash = "another"
	return a
}

func (s *suite) created(identifier string) account.Account {
	s.Helper()
	a := person(identifier)
	s.ok(s.store.CreateAccount(s.ctx, a))
	return a
}

// signedIn starts a session of a.
func (s *suite) signedIn(a account.Account) session.Session {
	s.Helper()
	return s.started(a, device(a))
}

func (s *suite) started(a account.Account, d session.Session) session.Session {
	s.Helper()
	s.ok(s.starts(issue.Start{Session: d, Account: a}))
	return d
}

// starts a session, whatever the revision.
func (s *suite) starts(start issue.Start) error {
	_, err := s.store.StartSession(s.ctx, start)
	return err
}

// session is one as it rests: its revision is the log's.
func (s *suite) session(id string) session.Session {
	s.Helper()
	found, err := s.store.Session(s.ctx, id)
	s.ok(err)
	found.Revision = 0
	return found
}

func (s *suite) account(id string) account.Account {
	s.Helper()
	found, err := s.store.Account(s.ctx, id)
	s.ok(err)
	return found
}

// living counts a's sessions that are alive at now.
func (s *suite) living(a account.Account, now time.Time) int {
	s.Helper()
	listed, err := s.store.Sessions(s.ctx, session.Page{AccountID: a.ID, Limit: 1000, Now: now})
	s.ok(err)
	return len(listed.Sessions)
}

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) fails(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("got error %v, want %v", err, want)
	}
}

func (s *suite) same(got, want any) {
	s.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.Fatalf("(-want +got)\n%s", diff)
	}
}

// is checks a step that returns a value as well.
func is[T comparable](s *suite, want T) func(got T, err error) {
	return func(got T, err error) {
		s.Helper()
		s.ok(err)
		if got != want {
			s.Fatalf("got %v, want %v", got, want)
		}
	}
}
