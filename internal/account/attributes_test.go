package account_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/account"
)

func TestAttributes(t *testing.T) {
	full := `{"a":"` + strings.Repeat("x", account.MaxAttributes-8) + `"}`
	kept := map[string]account.Attributes{
		`{}`:                         "",
		` { "roles" : ["a", "b"] } `: `{"roles":["a","b"]}`,
		full:                         account.Attributes(full),
	}
	for object, want := range kept {
		if got, err := account.NewAttributes([]byte(object)); err != nil || got != want {
			t.Errorf("%.40s: %q, %v", object, got, err)
		}
	}
	if b, err := (account.Credential{Data: account.Sealed([]byte{0, 255})}).Unsealed(); err != nil || string(b) != "\x00\xff" {
		t.Errorf("%x, %v", b, err)
	}
	for _, object := range []string{"", "null", "[]", `"a"`, "1", "{", `{"a":1}{`, `{"a":1,"a":2}`, full + " "} {
		if got, err := account.NewAttributes([]byte(object)); !errors.Is(err, account.ErrAttributes) {
			t.Errorf("%.40s: %q, %v", object, got, err)
		}
	}
}

func TestCredentialsPrintNoSecrets(t *testing.T) {
	c := account.NewCredential("id", account.TOTP, "hunter2", "phone", time.Unix(1, 0))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if text := fmt.Sprintf(verb, c) + fmt.Sprintf(verb, c.Data); strings.Contains(text, "hunter2") || strings.Contains(text, "68756e74657232") {
			t.Errorf("%s: %s", verb, text)
		}
	}
}
