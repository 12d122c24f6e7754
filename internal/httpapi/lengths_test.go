package httpapi_test

import (
	"cmp"
	"strings"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app/apptest"
)

// TestLengthsOfFields sends each text at its greatest length, which reaches the
// flow behind it, and one character longer, which does not.
func TestLengthsOfFields(t *testing.T) {
	a := apptest.Start(t)
	long := func(n int) string { return strings.Repeat("é", n) }
	login := func(c api.Credentials) string {
		if c.Email == "" && c.Username == "" {
			c.Identifier = cmp.Or(c.Identifier, "ana")
		}
		c.Password = cmp.Or(c.Password, "not the password")
		_, err := a.Login(t.Context(), c)
		return client.Code(err)
	}
	signUp := func(identifier, password string) string {
		_, err := a.Client.SignUp(t.Context(), api.Credentials{Identifier: identifier, Password: api.Password(password)})
		return client.Code(err)
	}
	code := func(path, body string) string {
		_, p, _ := post(t, a, path, "application/json", body)
		if len(p.Errors) == 1 && p.Errors[0].Field == "audience" && strings.HasPrefix(p.Errors[0].Detail, "no access tokens") {
			return "audience_unknown" // the length was right
		}
		return p.Code
	}
	for field, test := range map[string]struct {
		most int
		send func(text string) string
		code string // of the answer at the limit
	}{
		"identifier": {254, func(s string) string { return login(api.Credentials{Identifier: s}) }, "invalid_credentials"},
		"email":      {254, func(s string) string { return login(api.Credentials{Email: s}) }, "invalid_credentials"},
		"username":   {254, func(s string) string { return login(api.Credentials{Username: s}) }, "invalid_credentials"},
		"password":   {1024, func(s string) string { return login(api.Credentials{Password: api.Password(s)}) }, "invalid_credentials"},
		"audience": {255, func(s string) string {
			return code("/v1/login", `{"identifier":"ana","password":"x","audience":"`+s+`"}`)
		}, "audience_unknown"},
		"new identifier":        {254, func(s string) string { return signUp(s, apptest.Password) }, ""},
		"refresh token":         {512, func(s string) string { return code("/v1/refresh", `{"refresh_token":"`+s+`"}`) }, "refresh_token_invalid"},
		"audience of a refresh": {255, func(s string) string { return code("/v1/refresh", `{"refresh_token":"prt_x","audience":"`+s+`"}`) }, "audience_unknown"},
	} {
		t.Run(field, func(t *testing.T) {
			if got := test.send(long(test.most)); got != test.code {
				t.Errorf("at the limit: %q, want %q", got, test.code)
			}
			if got := test.send(long(test.most + 1)); got != "input_invalid" {
				t.Errorf("one beyond: %q", got)
			}
		})
	}
	if got := signUp("eve", long(7)); got != "password_too_short" {
		t.Errorf("a new password of 7: %q", got)
	}
	if got := signUp("eve", "xk29fjw8"); got != "" {
		t.Errorf("a new password of 8: %q", got)
	}
	if got := signUp("bob", long(256)); got != "" {
		t.Errorf("a new password of 256: %q", got)
	}
	if got := signUp("mallory", long(257)); got != "password_too_long" {
		t.Errorf("a new password of 257: %q", got)
	}
}
