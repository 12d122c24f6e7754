package examples_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
)

// TestBrowser runs the page's code of the guide against a live Portaria, in a
// tab that is Node with a jar for cookies.
func TestBrowser(t *testing.T) {
	bin := t.TempDir()
	build(t, bin, "..", "./cmd/portaria")
	p := launch(t, t.TempDir(), nil, filepath.Join(bin, "portaria"), "serve", "--listen", freeAddress(t))
	if _, err := client.New(p.url, nil).SignUp(t.Context(), api.Credentials{Identifier: "ana", Password: "correct horse battery"}); err != nil {
		t.Fatalf("sign up: %v", err)
	}
	tab := exec.CommandContext(t.Context(), "node", "tab.js", p.url)
	tab.Dir = "browser"
	if out, err := tab.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, &p.log)
	}
}
