package main

import (
	"archive/tar"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/testdb"
	"github.com/portaria/portaria/verify"
)

// earlier is the commit of the version before this one. It is the first that
// starts on a newer schema that it can use (migration 00016, readable_since).
// Every version before it refuses any newer schema.
const earlier = "5ad063bd07c1f8d085012119d757998069ee4610"

// laterMigration does to the database what a start of a still newer version does:
// it adds a column and a table, and records a migration that no program here
// knows. schema_readable stays, because the migration only adds.
const laterMigration = `
	ALTER TABLE accounts ADD COLUMN of_a_later_version TEXT NOT NULL DEFAULT '';
	CREATE TABLE later_version (id BIGINT PRIMARY KEY);
	INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)`

const (
	upgradeWorkers = 4
	// upgradeStaleness bounds the time until a revocation counts.
	upgradeStaleness = 5 * time.Second
	// roundsPerStep is how often each worker uses each set of versions.
	roundsPerStep = 2
)

// TestUpgradeSideBySide replaces two processes of the version before, one after
// the other, while requests run, and rolls back. No request fails, no
// verifier becomes stale, and no revocation is lost.
func TestUpgradeSideBySide(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(writeMasterKey(dir), os.WriteFile(filepath.Join(dir, "watch.secret"), []byte(watchSecret), 0o600)); err != nil {
		t.Fatal(err)
	}
	program := buildEarlier(t)
	database := testdb.Postgres(t)
	addresses := []string{freeAddress(t), freeAddress(t)}
	b := newBalancer(t, addresses...)
	var nodes []*node
	for _, address := range addresses {
		nodes = append(nodes, &node{t: t, balancer: b, address: address, dir: dir, environ: []string{raceOptions,
			"PATH=" + os.Getenv("PATH"), "PORTARIA_DATABASE=" + database, "PORTARIA_LISTEN=" + address, "PORTARIA_ISSUER=" + b.url,
			"PORTARIA_INSECURE_PASSWORD_HASH=true", "PORTARIA_ARGON2_MEMORY=8", "PORTARIA_ARGON2_ITERATIONS=1", "PORTARIA_LOG_LEVEL=warn",
			`PORTARIA_CLIENTS=[{"id":"watch","kind":"service","secret_file":"watch.secret","scopes":["revocation:read","revocation:write"]}]`}})
	}
	for _, n := range nodes {
		n.start(program)
	}
	load := newLoad(t, b.url)
	defer load.stop()

	load.runs("before the upgrade")
	for _, n := range nodes {
		n.replace("portaria", "PORTARIA_SHUTDOWN_DELAY=2s")
		load.runs("during the upgrade")
	}
	migrateLater(t, database)
	for _, n := range nodes {
		n.replace(program)
		load.runs("during the rollback")
	}
	load.stop()
	load.nothingLost()
}

// buildEarlier builds the earlier version, as the release is built.
func buildEarlier(t *testing.T) string {
	t.Helper()
	if err := exec.Command("git", "cat-file", "-e", earlier+"^{commit}").Run(); err != nil {
		t.Fatalf("this test builds portaria at commit %s, which this clone does not have; fetch the whole history with: git fetch --unshallow", earlier)
	}
	source, program := t.TempDir(), filepath.Join(t.TempDir(), "portaria")
	root, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		t.Fatal(err)
	}
	archive := exec.Command("git", "archive", earlier, "go.mod", "go.sum", "api", "client", "cmd", "internal", "verify")
	archive.Dir = string(bytes.TrimSpace(root))
	text, err := archive.Output()
	if err != nil {
		t.Fatalf("git archive: %v", err)
	}
	unpack(t, source, text)
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", program, "./cmd/portaria")
	build.Dir, build.Env = source, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the earlier version: %v\n%s", err, out)
	}
	return program
}

func unpack(t *testing.T, into string, archive []byte) {
	t.Helper()
	for files := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		name := filepath.Join(into, filepath.FromSlash(header.Name))
		text, err := io.ReadAll(files)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

func migrateLater(t *testing.T, database string) {
	t.Helper()
	db, err := sql.Open("pgx", database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), laterMigration); err != nil {
		t.Fatal(err)
	}
}

// node is one address behind the balancer, and the process that serves it.
type node struct {
	t            *testing.T
	balancer     *balancer
	address, dir string
	environ      []string
	running      *service
}

func (n *node) start(program string, settings ...string) {
	n.t.Helper()
	s, err := launchProgram(program, n.dir, append(settings, n.environ...))
	if err != nil {
		n.t.Fatal(err)
	}
	n.running = s
	n.t.Cleanup(func() { _ = s.cmd.Process.Kill() }) // it may have ended
	if err := n.balancer.awaits(n.address); err != nil {
		n.t.Fatal(err)
	}
}

// replace stops the process and starts another program in its place. The
// earlier version has no shutdown_delay: it is taken out of the balancer first.
func (n *node) replace(program string, settings ...string) {
	n.t.Helper()
	if program == "portaria" {
		if err := n.balancer.takeOut(n.address); err != nil {
			n.t.Fatal(err)
		}
	}
	if err := n.running.end(syscall.SIGTERM); err != nil {
		n.t.Fatalf("stop: %v\n%s", err, n.running.err.String())
	}
	n.balancer.hold(n.address, false)
	n.start(program, settings...)
}

const watchSecret = "0123456789abcdef0123456789abcdef"

// load is people who use the service all the time, and a verifier.
type load struct {
	t        *testing.T
	url      string
	service  *client.Client
	verifier *verify.Verifier
	cancel   context.CancelFunc
	workers  sync.WaitGroup
	rounds   [upgradeWorkers]atomic.Int64

	mu      sync.Mutex
	revoked []api.Tokens
}

func newLoad(t *testing.T, url string) *load {
	t.Helper()
	v, err := verify.New(t.Context(), verify.Config{Issuer: url, Audience: "portaria", ClientID: "watch", ClientSecret: verify.Secret(watchSecret),
		Staleness: upgradeStaleness, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{t: t, url: url, verifier: v, cancel: cancel, service: client.New(url, &http.Client{Timeout: startPatience})}
	for i := range upgradeWorkers {
		l.workers.Go(func() {
			name := fmt.Sprintf("person%d", i)
			if _, err := l.service.SignUp(ctx, api.Credentials{Identifier: name, Password: "correct horse battery"}); err != nil {
				t.Errorf("sign up: %v", err)
			}
			for ctx.Err() == nil && !t.Failed() {
				if err := l.round(name, l.rounds[i].Load()%2 == 0); err != nil {
					t.Error(err)
				}
				l.rounds[i].Add(1)
			}
		})
	}
	return l
}

// round signs in, uses, refreshes and revokes one session.
func (l *load) round(name string, logout bool) error {
	ctx := context.Background()
	first, err := l.service.Login(ctx, api.Credentials{Identifier: name, Password: "correct horse battery"})
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	second, err := l.service.Refresh(ctx, first.RefreshToken)
	if err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	if _, err := l.service.WithToken(second.AccessToken).Me(ctx); err != nil {
		return fmt.Errorf("own account: %w", err)
	}
	for _, token := range []string{first.AccessToken, second.AccessToken} {
		if _, err := l.verifier.Verify(ctx, token); err != nil {
			return fmt.Errorf("verify: %w", err)
		}
	}
	if logout {
		err = l.service.WithToken(second.AccessToken).Logout(ctx)
	} else {
		_, err = l.service.AsClient("watch", watchSecret).Revoke(ctx, api.Revoke{Target: api.Target{Session: second.SessionID}}, 0)
	}
	if err != nil {
		return fmt.Errorf("revoke (logout: %v): %w", logout, err)
	}
	l.mu.Lock()
	l.revoked = append(l.revoked, first, second)
	l.mu.Unlock()
	return l.refused(second.AccessToken)
}

// refused waits until the verifier refuses a revoked token, at most as long as
// its view may be old.
func (l *load) refused(token string) error {
	return until(upgradeStaleness, func() error {
		if _, err := l.verifier.Verify(context.Background(), token); !errors.Is(err, verify.ErrRevoked) {
			return fmt.Errorf("a revoked token: %v", err)
		}
		return nil
	})
}

// runs waits until each worker has done some whole rounds from now on.
func (l *load) runs(when string) {
	l.t.Helper()
	for i := range l.rounds {
		target := l.rounds[i].Load() + roundsPerStep + 1
		if err := until(startPatience, func() error {
			if !l.t.Failed() && l.rounds[i].Load() < target {
				return fmt.Errorf("%s, worker %d has done too little", when, i)
			}
			return nil
		}); err != nil {
			l.t.Fatal(err)
		}
	}
	if l.t.Failed() {
		l.t.Fatalf("failed %s", when)
	}
}

func (l *load) stop() {
	l.cancel()
	l.workers.Wait()
}

// nothingLost checks that the verifier, a new one and the service still refuse
// every revoked token.
func (l *load) nothingLost() {
	l.t.Helper()
	again, err := verify.New(l.t.Context(), verify.Config{Issuer: l.url, Audience: "portaria", ClientID: "watch", ClientSecret: verify.Secret(watchSecret),
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		l.t.Fatal(err)
	}
	defer again.Close()
	for i, tokens := range l.revoked {
		for _, v := range []*verify.Verifier{l.verifier, again} {
			if _, err := v.Verify(l.t.Context(), tokens.AccessToken); !errors.Is(err, verify.ErrRevoked) {
				l.t.Errorf("a revoked token: %v", err)
			}
		}
		if i%2 == 0 {
			continue // the first token of the same session
		}
		if _, err := l.service.WithToken(tokens.AccessToken).Me(l.t.Context()); err == nil {
			l.t.Error("the service accepts a revoked token")
		}
		if _, err := l.service.Refresh(l.t.Context(), tokens.RefreshToken); err == nil {
			l.t.Error("a session that was ended can be refreshed")
		}
	}
	l.t.Logf("%d tokens revoked, all refused", len(l.revoked))
}
