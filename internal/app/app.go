// Package app wires Portaria together, top to bottom: settings, database,
// keys, domain, API.
package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/app/counting"
	"github.com/portaria/portaria/internal/app/selfverify"
	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/httpapi"
	"github.com/portaria/portaria/internal/httpapi/feed"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/outbound"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/recipient"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/fleet"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/internal/token"
	"github.com/portaria/portaria/internal/webhook"
)

// refreshSecret names the secret that tags refresh tokens.
const refreshSecret = "refresh-token"

// clientSecret names the secret that the secrets of clients are hashed with.
const clientSecret = "client-secret"

// positionSecret names the secret that authenticates positions in the revocation log.
const positionSecret = "revocation-place"

// App is one Portaria, ready to serve.
type App struct {
	// API handles all requests.
	API *httpapi.Server
	// Made lists what the first start created; empty on later starts.
	Made Made

	config config.Config
	store  *sqlstore.Store
	writes writeProof
	ring   *keyring.Ring
	hasher *password.Hasher
	// breached is the file of breached passwords; nil without one.
	breached io.Closer
	// verifiers verify the tokens on the service's own routes.
	verifiers *selfverify.Verifiers
	webhooks  *webhook.Service
	clients   *clients.Directory
	// audience is what registered clients say about the service's own audience.
	audience *issue.OwnAudience
	// recipients are the key sets of services that publish their encryption key, by
	// audience.
	recipients map[string]*recipient.KeySet
	// roots are the certificate authorities of outgoing requests; nil means those
	// of the system.
	roots *x509.CertPool
	guard *counting.Counting
	// fits returns an error if tokens for an audience exceed max_token_size.
	fits func(audience string) error
	log  *slog.Logger
	now  func() time.Time
	// panics counts panics outside of requests.
	panics *background.Panics
	// ahead is how far now was ahead of the steady clock at the last look.
	ahead time.Duration

	// clock is the clock of the database: no token is dated after it. hub reads the
	// revocation log, fleet tracks the verifiers connected here, and following are the
	// goroutines of both, which stopRevocation ends.
	clock          sharedClock
	hub            *revoke.Hub
	keysChanged    feed.Bell
	fleet          *fleet.Fleet
	following      sync.WaitGroup
	stopRevocation func()
}

// Made lists what a first start created.
type Made struct {
	Database  string
	MasterKey string
	// SigningKey is the kid.
	SigningKey string
}

// Env is what an App needs from its surroundings. Config, Issuer, Log and Now are
// required.
type Env struct {
	Config config.Config
	// Issuer is the issuer URL in tokens.
	Issuer string
	// HashWorkers has passwords hashed in processes of their own, so that a
	// login storm does not slow down everything else. The program must call
	// HashWorker first thing in main.
	HashWorkers bool
	Log         *slog.Logger
	Now         func() time.Time
	// Around is [sqlstore.Options.Around]; nil in a real service.
	Around func(ctx context.Context, step func() error) error
	// Reads is [sqlstore.Options.Reads]; nil in a real service.
	Reads func(ctx context.Context, text string)
	// Elapsed is a clock that no change of Now moves, for tests; nil for the
	// machine's monotonic clock.
	Elapsed func() time.Duration
	// Reference is the clock of the database, for tests that set Now; nil measures it.
	Reference func() time.Time
}

// Open opens the database and builds everything on it. The caller closes it.
func Open(ctx context.Context, env Env) (_ *App, err error) {
	a := &App{config: env.Config, log: env.Log, now: env.Now, panics: background.New(env.Log)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if a.roots, err = outbound.Roots(a.config.CAFile); err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	if err := a.openStore(ctx, sqlstore.Options{Around: env.Around, Reads: env.Reads, Panics: a.panics, Elapsed: env.Elapsed}); err != nil {
		return nil, err
	}
	a.writes.prove = func(ctx context.Context) error { return a.store.ProveWritable(ctx, a.now()) }
	a.warnOfExposure("TLS key", a.config.TLSKeyFile)
	if a.ring, err = a.openKeys(ctx); err != nil {
		return nil, err
	}
	if a.hasher, err = newHasher(env); err != nil {
		return nil, err
	}
	if a.clock, err = a.sharedClock(ctx, env.Reference); err != nil {
		return nil, err
	}
	if err := a.openRevocation(ctx); err != nil {
		return nil, err
	}
	if err := a.build(ctx, env.Issuer, a.ring); err != nil {
		return nil, err
	}
	a.followRevocation(ctx)
	return a, nil
}

func newHasher(env Env) (*password.Hasher, error) {
	options := password.Options{
		Report: func(err error) {
			env.Log.Warn("password hash worker not used, hashed in the process of the service", "reason", err)
		},
	}
	if env.HashWorkers {
		options.Worker = hashWorker()
	}
	return password.New(env.Config.Password(), options)
}

func (a *App) openKeys(ctx context.Context) (*keyring.Ring, error) {
	store := a.store.Keyring()
	before, err := keyring.Sealed(ctx, store)
	if err != nil {
		return nil, err
	}
	master, err := a.masterKey(before)
	if err != nil {
		return nil, err
	}
	ring, err := keyring.Open(ctx, store, master, keyPolicy(a.config), a.now())
	if err != nil {
		return nil, explainKeys(err, a.config)
	}
	a.Made.SigningKey = ring.First()
	return ring, nil
}

// build joins the domain and mounts the API on it.
func (a *App) build(ctx context.Context, issuer string, ring *keyring.Ring) error {
	key, err := ring.Secret(ctx, refreshSecret)
	if err != nil {
		return err
	}
	chain, err := session.NewChain(a.store, key, a.config.Session())
	if err != nil {
		return err
	}
	chain = chain.WithKeys(a.generations(refreshSecret))
	positions, err := ring.Secret(ctx, positionSecret)
	if err != nil {
		return err
	}
	directory, err := a.openClients(ctx)
	if err != nil {
		return err
	}
	tokens, err := a.openTokens(ctx, issuer)
	if err != nil {
		return err
	}
	issuing, err := issue.New(issue.Config{
		Store:  a.store,
		Chain:  chain,
		Tokens: tokens,
		Events: a.store,
		Policy: a.config.Issue(),
	})
	if err != nil {
		return err
	}
	passwords, err := a.openPasswords(issuer)
	if err != nil {
		return err
	}
	guarding, err := a.openGuard(ctx)
	if err != nil {
		return err
	}
	people := account.NewDirectory(a.store, a.hasher, account.Policy{SignUpOpen: a.config.SignUpOpen(), Passwords: passwords})
	if err := a.warnOfAudiences(ctx, directory, issuing); err != nil {
		return err
	}
	if err := a.openWebhooks(ctx, issuer); err != nil {
		return err
	}
	a.API, err = httpapi.New(a.mount(domain{
		issuer: issuer, ring: ring, chain: chain, directory: directory, issuing: issuing, people: people, guarding: guarding, proofs: revoke.NewProofs(positions),
	}))
	return err
}

// openTokens creates the issuer of access tokens, and the verifiers of the service's own
// routes.
func (a *App) openTokens(ctx context.Context, issuer string) (*token.Issuer, error) {
	policy := a.config.Token(issuer)
	var err error
	if a.audience, err = issue.OpenOwnAudience(ctx, a.store, policy.Audience); err != nil {
		return nil, err
	}
	policy.Registered, policy.Latest = a.audience.Registered, a.clock.earliest
	if err := a.follow(policy); err != nil {
		return nil, err
	}
	tokens, err := token.NewIssuer(a.ring, policy)
	if err != nil {
		return nil, err
	}
	if err := checkSizes(tokens, policy, a.now()); err != nil {
		return nil, err
	}
	a.fits = func(audience string) error { return checkSize(tokens, audience, a.now()) }
	a.verifiers, err = selfverify.New(ctx, selfverify.Config{
		Ring: a.ring, Tokens: tokens, Policy: policy, Leeway: a.config.Leeway, OnlyIssuer: a.config.OnlyIssuerAtAccounts(), Now: a.now,
	})
	if err != nil {
		return nil, err
	}
	return tokens, a.ring.Accept(a.verifiers.Accept)
}

// readiness returns the checks of GET /readyz.
func (a *App) readiness() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"database": func(ctx context.Context) error {
			if err := a.store.Ping(ctx); err != nil {
				return err
			}
			return a.writes.check(ctx)
		},
		"revocation": a.revocationReady,
		"signing_key": func(ctx context.Context) error {
			_, err := a.ring.Ready(ctx, a.now())
			return err
		},
	}
}

// Close lets running writes finish and closes the database.
func (a *App) Close() error {
	var errs []error
	if a.stopRevocation != nil {
		a.stopRevocation()
	}
	a.guard.Close()
	if a.hasher != nil {
		errs = append(errs, a.hasher.Close())
	}
	if a.breached != nil {
		errs = append(errs, a.breached.Close())
	}
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	return errors.Join(errs...)
}
