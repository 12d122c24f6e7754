package main

import (
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/verify"
)

// fills bounds what the service may write to any file from now on; 0 lifts it.
func (s *service) fills(t *testing.T, bytes uint64) {
	t.Helper()
	limit := unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}
	if bytes == 0 {
		limit.Cur = unix.RLIM_INFINITY
	}
	if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Fatal(err)
	}
}

// TestDiskFull: what cannot be written is not acknowledged, whatever is asked
// for; who follows goes on, and when there is room again, so does everything.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	environ := []string{raceOptions, fullDisk + "=1", "PORTARIA_LISTEN=" + freeAddress(t), "PORTARIA_LOG_LEVEL=error",
		"PORTARIA_INSECURE_PASSWORD_HASH=true", "PORTARIA_ARGON2_MEMORY=8", "PORTARIA_ARGON2_ITERATIONS=1"}
	s, err := launch(dir, environ)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.kill() }()
	create := exec.Command("portaria", "client", "create", "ops", "--scopes", api.RevocationReadScope+","+api.RevocationWriteScope)
	create.Dir, create.Env = dir, environ
	secret, err := create.Output()
	if err != nil {
		t.Fatal(err, string(secret))
	}
	people := client.New(s.url, nil)
	operations := people.AsClient("ops", strings.TrimSpace(string(secret)))
	v, err := verify.New(t.Context(), verify.Config{Issuer: s.url, Audience: "portaria", ClientID: "ops", ClientSecret: verify.Secret(strings.TrimSpace(string(secret)))})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var tokens [3]api.Tokens
	for i, name := range []string{"first", "second", "third"} {
		who := api.Credentials{Identifier: name, Password: "correct horse battery"}
		if _, err := people.SignUp(t.Context(), who); err != nil {
			t.Fatal(err)
		}
		if tokens[i], err = people.Login(t.Context(), who); err != nil {
			t.Fatal(err)
		}
	}
	rule := func(of api.Tokens) (api.Receipt, error) {
		return operations.Revoke(t.Context(), api.Revoke{Target: api.Target{Session: of.SessionID}}, 0)
	}
	before, err := rule(tokens[0])
	if err != nil {
		t.Fatal(err)
	}

	s.fills(t, 4096)
	for range 20 {
		_, err := rule(tokens[1])
		failed(t, "a rule", err)
		failed(t, "a logout", people.WithToken(tokens[2].AccessToken).Logout(t.Context()))
		_, err = people.SignUp(t.Context(), api.Credentials{Identifier: "fourth", Password: "correct horse battery"})
		failed(t, "an account", err)
	}
	if _, err := people.WithToken(tokens[2].AccessToken).Me(t.Context()); err != nil {
		t.Errorf("somebody whose logout failed: %v", err)
	}
	if _, err := v.Verify(t.Context(), tokens[1].AccessToken); err != nil || v.Health() != nil {
		t.Errorf("a service: %v, %v", err, v.Health())
	}
	if _, err := v.Verify(t.Context(), tokens[0].AccessToken); !errors.Is(err, verify.ErrRevoked) {
		t.Errorf("what was revoked before: %v", err)
	}

	s.fills(t, 0)
	var after api.Receipt
	if err := until(10*time.Second, func() error { after, err = rule(tokens[1]); return err }); err != nil {
		t.Fatal(err)
	}
	if after.Seq != before.Seq+1 {
		t.Errorf("place %d after %d: something was written that nobody was told of", after.Seq, before.Seq)
	}
	if err := people.WithToken(tokens[2].AccessToken).Logout(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.kill(); err != nil {
		t.Fatal(err)
	}
	if s, err = launch(dir, environ); err != nil {
		t.Fatal(err)
	}
	for _, receipt := range []api.Receipt{before, after} {
		if got, err := operations.Receipt(t.Context(), receipt.Seq); err != nil || got.Seq != receipt.Seq {
			t.Errorf("after a restart: %+v, %v", got, err)
		}
	}
	for _, of := range tokens {
		err := until(10*time.Second, func() error {
			if _, err := v.Verify(t.Context(), of.AccessToken); !errors.Is(err, verify.ErrRevoked) {
				return errors.Join(errors.New("accepted"), err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// failed wants an error of the service's.
func failed(t *testing.T, what string, err error) {
	t.Helper()
	var refused *api.Problem
	if !errors.As(err, &refused) || refused.Status < http.StatusInternalServerError {
		t.Errorf("%s on a full disk: %v", what, err)
	}
}
