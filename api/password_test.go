package api_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/portaria/portaria/api"
)

func TestPasswordsShowNowhereButInJSON(t *testing.T) {
	in := api.PasswordChange{CurrentPassword: "hunter2", NewPassword: "hunter22"}
	var seen strings.Builder
	for _, value := range []any{in, &in, in.NewPassword, &in.NewPassword, []any{in}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&seen, verb, value)
		}
	}
	slog.New(slog.NewTextHandler(&seen, nil)).Info("log", "in", in, "password", in.NewPassword)
	slog.New(slog.NewJSONHandler(&seen, nil)).Info("log", "password", in.NewPassword)
	if all := seen.String(); strings.Contains(all, "hunter2") || strings.Contains(all, "68756e746572") {
		t.Error(all)
	}
	text, err := json.Marshal(in)
	if err != nil || string(text) != `{"current_password":"hunter2","new_password":"hunter22"}` {
		t.Errorf("%s, %v", text, err)
	}
}
