package secret_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/secret"
)

// key is a struct as other packages hide it.
type key struct {
	secret.Hidden
	Material string
}

func TestNothingShows(t *testing.T) {
	const text = "hunter2"
	for name, value := range map[string]any{
		"text": secret.Text(text), "bytes": secret.Bytes(text),
		"struct": key{Material: text}, "pointer": &key{Material: text},
		"within": struct{ In, Of any }{secret.Text(text), []any{secret.Bytes(text), key{Material: text}}},
	} {
		var seen strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%e"} {
			fmt.Fprintf(&seen, verb, value)
		}
		encoded, err := json.Marshal(map[string]any{"value": value})
		if err != nil {
			t.Fatal(err)
		}
		seen.Write(encoded)
		slog.New(slog.NewJSONHandler(&seen, nil)).Info("log", "value", value)
		slog.New(slog.NewTextHandler(&seen, nil)).Info("log", "value", value)
		if all := seen.String(); strings.Contains(all, text) || strings.Contains(all, fmt.Sprintf("%x", text)) || strings.Contains(all, "104 117 110") ||
			strings.Contains(all, base64.StdEncoding.EncodeToString([]byte(text))) {
			t.Errorf("%s shows in %s", name, all)
		}
	}
	if secret.Text(text).Reveal() != text {
		t.Error("the owner cannot have it either")
	}
}
