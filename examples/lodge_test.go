package examples_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
)

// lodge is a live Portaria whose operator types commands. Webhooks to this
// machine are allowed.
type lodge struct {
	url, dir, program string
	environ           []string
}

func open(t *testing.T, bin string) *lodge {
	t.Helper()
	settings, err := filepath.Abs("portaria.yaml")
	if err != nil {
		t.Fatal(err)
	}
	l := &lodge{dir: t.TempDir(), program: filepath.Join(bin, "portaria")}
	l.environ = []string{"PORTARIA_LISTEN=" + freeAddress(t), "PORTARIA_INSECURE_WEBHOOKS=true"}
	l.url = launch(t, l.dir, l.environ, l.program, "serve", "--config", settings).url
	return l
}

// types returns what a command prints, and fails the test when the command does.
func (l *lodge) types(t *testing.T, args ...string) string {
	t.Helper()
	var complaint bytes.Buffer
	command := exec.CommandContext(t.Context(), l.program, args...)
	command.Dir, command.Env, command.Stderr = l.dir, append(os.Environ(), l.environ...), &complaint
	printed, err := command.Output()
	if err != nil {
		t.Fatalf("portaria %v: %v\n%s", args, err, &complaint)
	}
	return string(bytes.TrimSpace(printed))
}

// account makes an account and returns how it signs in.
func (l *lodge) account(t *testing.T, name string) func(audience string) api.Tokens {
	t.Helper()
	who := api.Credentials{Identifier: name, Password: "correct horse battery"}
	c := client.New(l.url, &http.Client{Timeout: patience})
	if _, err := c.SignUp(t.Context(), who); err != nil {
		t.Fatalf("sign up: %v", err)
	}
	return func(audience string) api.Tokens {
		t.Helper()
		tokens, err := c.ForAudience(audience).Login(t.Context(), who)
		if err != nil {
			t.Fatalf("sign in: %v", err)
		}
		return tokens
	}
}
