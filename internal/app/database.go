package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/store"
	"github.com/portaria/portaria/internal/store/sqlstore"
)

// The pauses between attempts to reach a database grow from the first of these
// to the second.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 5 * time.Second
)

func (a *App) openStore(ctx context.Context, options sqlstore.Options) (err error) {
	if path, ok := a.config.Database.SQLite(); ok {
		if missing(path) {
			a.Made.Database = path
		}
		a.warnOfExposure("database", path)
	}
	a.store, err = a.awaitStore(ctx, options)
	if err != nil {
		return err
	}
	if a.store.MissingWAL() {
		a.log.WarnContext(ctx, "database lacks its last writes", "database", a.config.Database.String(), "reason", MissingWAL)
	}
	if a.store.Pooled() {
		a.log.WarnContext(ctx, "database is behind a connection pooler: statements are not prepared, "+
			"and the revocations of other processes are read five times a second", "database", a.config.Database.String())
	}
	return a.store.KeepSteady(ctx, a.now())
}

// awaitStore opens the database. When it cannot be reached yet, it tries again
// until the setting database_wait is over or ctx ends.
func (a *App) awaitStore(ctx context.Context, options sqlstore.Options) (*sqlstore.Store, error) {
	began, pause := time.Now(), firstPause
	for {
		opened, err := openStore(ctx, a.config, options)
		left := a.config.DatabaseWait - time.Since(began)
		if err == nil || !errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil || left <= 0 {
			return opened, err
		}
		pause = min(pause, left)
		a.log.WarnContext(ctx, "database cannot be reached yet", "error", err,
			"try_again_in", pause.Round(time.Millisecond).String(), "give_up_in", left.Round(time.Second).String())
		if err := rest(ctx, pause); err != nil {
			return nil, err
		}
		pause = min(2*pause, longestPause)
	}
}

func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// openStore names the database in its errors, without the password.
func openStore(ctx context.Context, c config.Config, options sqlstore.Options) (*sqlstore.Store, error) {
	options.InsecureTLS = c.InsecureDatabaseTLS
	opened, err := sqlstore.Open(ctx, c.Database.Reveal(), options)
	switch {
	case errors.Is(err, sqlstore.ErrInsecureTLS):
		return nil, fmt.Errorf("%s: %w; or set insecure_database_tls, and the network can read passwords and tokens", c.Database, err)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", c.Database, err)
	}
	return opened, nil
}

// warnOfExposure logs a warning if every user of the machine may read or write a file with
// secrets.
func (a *App) warnOfExposure(what, path string) {
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o007 != 0 {
		a.log.Warn("file with secrets is open to other users of this machine; run chmod 640 on it",
			"what", what, "file", path, "mode", fmt.Sprintf("%04o", info.Mode().Perm()))
	}
}

// writeProof checks that the database accepts writes. Anybody may call GET /readyz, so one
// check serves all calls within a second, and at most one runs.
type writeProof struct {
	prove func(ctx context.Context) error

	mu      sync.Mutex
	running chan struct{} // nil, or closed at the end of the running proof
	at      time.Time     // of the last result
	err     error
}

// proofLife is how long a result is valid.
const proofLife = time.Second

// check returns a result that is at most a second old. A check that outlasts ctx, as with a
// locked SQLite file, continues for later calls.
func (p *writeProof) check(ctx context.Context) error {
	p.mu.Lock()
	if p.running == nil && time.Since(p.at) < proofLife {
		defer p.mu.Unlock()
		return p.err
	}
	if p.running == nil {
		p.running = make(chan struct{})
		go p.run(context.WithoutCancel(ctx), p.running)
	}
	running := p.running
	p.mu.Unlock()
	select {
	case <-running:
	case <-ctx.Done():
		return fmt.Errorf("write to database: %w", ctx.Err())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *writeProof) run(ctx context.Context, done chan struct{}) {
	err := background.Catch(func() error { return p.prove(ctx) })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at, p.err, p.running = time.Now(), err, nil
	close(done)
}
