// Package apptest gives a test a whole Portaria, on a real database, behind a
// real listener, with a clock that the test sets.
package apptest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/serve"
	"github.com/portaria/portaria/internal/token"
)

// Password is good enough for every policy; tests sign up with it.
const Password = "correct horse battery"

// App is a running Portaria.
type App struct {
	*client.Client
	// URL is where it listens; it is its issuer, too.
	URL string
	// Clock is the time it believes.
	Clock *Clock
	// Log is all that it logged so far.
	Log *Log
	// Faults are those of its store; none until a test asks for one.
	Faults *Faults

	config  config.Config
	now     func() time.Time
	running *app.App
	t       testing.TB
	http    *http.Client
	stop    func()
}

// Option changes the settings before the start.
type Option func(*config.Config)

// Start runs a Portaria on a fresh SQLite database until the test ends.
// Passwords are hashed cheaply: the strength of the hash is package
// password's business.
func Start(t testing.TB, options ...Option) *App {
	t.Helper()
	clock := NewClock()
	return start(t, &App{Clock: clock, now: clock.Now}, options)
}

// StartSkewed is Start with a clock that goes on, and is ahead of the true one
// by so much. It has no Clock to be set.
func StartSkewed(t testing.TB, ahead time.Duration, options ...Option) *App {
	t.Helper()
	return start(t, &App{now: func() time.Time { return time.Now().Add(ahead) }}, options)
}

func start(t testing.TB, a *App, options []Option) *App {
	t.Helper()
	c := config.Default()
	c.Listen = "127.0.0.1:0"
	c.Database = database(t, "sqlite:"+filepath.Join(t.TempDir(), "portaria.db"))
	c.MasterKeyFile = filepath.Join(t.TempDir(), "master.key")
	c.InsecurePasswordHash, c.Argon2.MemoryKiB, c.Argon2.Iterations = true, 8, 1
	// All callers of a test have one address. A test of the guard sets the policy.
	g := &c.Guard
	g.Strangers.Failures, g.Device.Failures, g.Address.Failures, g.Network.Failures, g.Accounts.Failures = 1e6, 1e6, 1e6, 1e6, 1e6
	for _, change := range options {
		change(&c)
	}
	a.Log, a.Faults, a.config, a.t = &Log{}, &Faults{}, c, t
	a.run()
	return a
}

// OnPostgres runs it on this database instead.
func OnPostgres(t testing.TB, url, masterKeyFile string) Option {
	return func(c *config.Config) {
		c.Database, c.MasterKeyFile = database(t, url), masterKeyFile
	}
}

func database(t testing.TB, url string) config.Database {
	t.Helper()
	d, err := config.ParseDatabase(url)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (a *App) run() {
	a.t.Helper()
	log := slog.New(slog.NewTextHandler(a.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var running *app.App
	server, err := serve.Listen(serve.Config{Listen: a.config.Listen, Log: log, ShutdownGrace: 10 * time.Second,
		TrustedProxies: a.config.TrustedProxies}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.API.ServeHTTP(w, expose(r))
	}))
	if err != nil {
		a.t.Fatal(err)
	}
	a.URL = a.config.IssuerURL(server.Addr())
	env := app.Env{Config: a.config, Issuer: a.URL, Log: log, Now: a.now, Around: a.Faults.Around, Reads: a.Faults.read}
	if a.Clock != nil {
		env.Elapsed, env.Reference = a.Clock.Elapsed, a.Clock.Now
	}
	running, err = app.Open(context.Background(), env)
	if err != nil {
		a.t.Fatal(err)
	}
	a.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: time.Minute}
	a.Client = client.New(a.URL, a.http)
	a.running = running
	a.stopAtEnd(running, server)
}

func (a *App) stopAtEnd(running *app.App, server *serve.Server) {
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- server.Run(ctx) }()
	idle := a.http
	a.stop = sync.OnceFunc(func() {
		idle.CloseIdleConnections()
		stop()
		if err := <-stopped; err != nil {
			a.t.Errorf("stop: %v", err)
		}
		if err := running.Close(); err != nil {
			a.t.Errorf("close: %v", err)
		}
	})
	a.t.Cleanup(a.stop)
}

// Restart stops the service as SIGTERM does, and starts it again on the same
// database, at another address.
func (a *App) Restart() {
	a.t.Helper()
	a.stop()
	a.run()
}

// SignUp makes an account with Password and signs it in.
func (a *App) SignUp(identifier string) (id string, tokens api.Tokens) {
	a.t.Helper()
	who := api.Credentials{Identifier: identifier, Password: Password}
	made, err := a.Client.SignUp(context.Background(), who)
	if err != nil {
		a.t.Fatalf("sign up %s: %v", identifier, err)
	}
	return made.ID, a.SignIn(identifier)
}

// SignIn signs an account in with Password.
func (a *App) SignIn(identifier string) api.Tokens {
	a.t.Helper()
	tokens, err := a.Client.Login(context.Background(), api.Credentials{Identifier: identifier, Password: Password})
	if err != nil {
		a.t.Fatalf("sign in %s: %v", identifier, err)
	}
	return tokens
}

// As is a client with the access token of a sign-in.
func (a *App) As(tokens api.Tokens) *client.Client { return a.WithToken(tokens.AccessToken) }

// Admin is a client for the routes of administrators.
func (a *App) Admin() *client.Client { return a.WithToken(a.AdminToken()) }

// AdminToken is an access token for the routes of administrators.
func (a *App) AdminToken() string {
	a.t.Helper()
	access, err := app.OperatorToken(context.Background(), a.config, a.URL, a.now())
	if err != nil {
		a.t.Fatal(err)
	}
	return access
}

// Sign is an access token with these claims, signed with the service's own key:
// for what no route issues.
func (a *App) Sign(claims token.Claims) string {
	a.t.Helper()
	keys, err := app.Keys(context.Background(), a.config, a.Clock.Now())
	if err != nil {
		a.t.Fatal(err)
	}
	defer keys.Close()
	issuer, err := token.NewIssuer(keys.Ring, a.config.Token(a.URL))
	if err != nil {
		a.t.Fatal(err)
	}
	minted, _, err := issuer.Mint(a.Clock.Now(), claims)
	if err != nil {
		a.t.Fatal(err)
	}
	return minted.Reveal()
}

// FetchKeySets does at once what upkeep does every few minutes: it asks services
// for the keys to encrypt to.
func (a *App) FetchKeySets() { a.running.FetchKeySets(context.Background()) }

// MaintainKeys does at once what upkeep does every few seconds: it rotates the
// signing keys when that is due.
func (a *App) MaintainKeys() { a.running.MaintainKeys(Exposed(context.Background())) }

// Prune does at once what upkeep does every few minutes: it deletes what is over.
func (a *App) Prune() { a.running.Prune(context.Background()) }

// DeliverWebhooks does at once what upkeep does all the time: it sends events to their
// subscribers.
func (a *App) DeliverWebhooks() { a.running.DeliverWebhooks(context.Background()) }

// Do sends a request as it stands and answers status, headers and body.
func (a *App) Do(r *http.Request) (*http.Response, string) {
	a.t.Helper()
	resp, err := a.http.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return resp, string(body)
}

// Clock is a time that stands still until it is moved.
type Clock struct {
	mu      sync.Mutex
	now     time.Time
	elapsed time.Duration
}

// NewClock starts at a moment in which nothing happened.
func NewClock() *Clock {
	return &Clock{now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
}

// Now answers the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Move lets time pass.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.elapsed += d
}

// Set changes the time of day, as somebody does who sets the clock of a machine:
// no time passes.
func (c *Clock) Set(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

// Elapsed is how much time has passed, whatever became of the time of day.
func (c *Clock) Elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.elapsed
}

// Log keeps what was logged.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write keeps one line.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String answers everything so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
