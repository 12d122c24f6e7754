package examples_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestFollows: a service that has credentials refuses what was revoked as soon
// as the receipt says so, and nothing else.
func TestFollows(t *testing.T) {
	bin := t.TempDir()
	build(t, bin, "..", "./cmd/portaria")
	build(t, bin, ".", "./chi")
	l := open(t, bin)
	secret := l.types(t, "client", "create", "orders", "--scopes", "revocation:read")
	p := launch(t, ".", []string{"ISSUER=" + l.url, "AUDIENCE=orders", "PORT=0", "CLIENT_ID=orders", "CLIENT_SECRET=" + secret},
		filepath.Join(bin, "chi"))
	signIn := l.account(t, "ana")
	ended, other := signIn("orders").AccessToken, signIn("orders").AccessToken
	accepts := func(token string) error {
		got, err := callHTTP(t.Context(), p.url, token)
		if err == nil && !got.accepted {
			err = fmt.Errorf("answered %+v", got)
		}
		return err
	}
	// Until it has its keys and the log it says that it cannot know.
	for _, token := range []string{ended, other} {
		if err := until(patience, func() error { return accepts(token) }); err != nil {
			t.Fatalf("%v\n%s", err, &p.log)
		}
	}
	if printed := l.types(t, "revoke", "session", claim(t, ended, "sid"), "--wait"); !strings.Contains(printed, "1 of 1 verifier has confirmed") {
		t.Errorf("the receipt says\n%s", printed)
	}
	if got, err := callHTTP(t.Context(), p.url, ended); err != nil || !got.refused || !strings.Contains(got.text, "token_revoked") {
		t.Errorf("after all have confirmed: %+v, %v\n%s", got, err, &p.log)
	}
	if err := accepts(other); err != nil {
		t.Errorf("the other session: %v", err)
	}
}
