package httpapi_test

import (
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/app/apptest"
)

var update = flag.Bool("update", false, "write the generated files instead of comparing them")

const openAPIFile = "../../api/openapi.yaml"

// TestGenerated fails when api/openapi.yaml is not what the service says of
// itself. `make generate` runs it with -update.
func TestGenerated(t *testing.T) {
	_, text := get(t, apptest.Start(t), "/openapi.json")
	out, err := yaml.JSONToYAML([]byte(text))
	worked(t, err)
	want := "# Made by `make generate` from the table of routes; do not edit.\n" + string(out)
	if *update {
		worked(t, os.WriteFile(openAPIFile, []byte(want), 0o644))
	}
	got, err := os.ReadFile(openAPIFile)
	worked(t, err)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is stale; run `make generate`:\n%s", openAPIFile, diff)
	}
}

// Responses that clients generated from the document would not understand are
// a lie in the document.
func TestResponsesMatchTheDocument(t *testing.T) {
	a := apptest.Start(t)
	_, tokens := a.SignUp("ana@example.com")
	doc := document(t, a)
	for _, path := range []string{"/v1/me", "/v1/sessions", "/healthz", "/readyz", "/.well-known/oauth-authorization-server"} {
		resp, text := get(t, a, path, "Authorization", "Bearer "+tokens.AccessToken)
		media := doc.Paths.Find(path).Get.Responses.Status(http.StatusOK).Value.Content
		if media == nil {
			continue // documented elsewhere
		}
		var body any
		worked(t, yaml.Unmarshal([]byte(text), &body))
		if err := media.Get("application/json").Schema.Value.VisitJSON(body); err != nil {
			t.Errorf("%s: %v\n%s", path, err, text)
		}
		if ct := resp.Header.Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
			t.Errorf("%s: Content-Type %s", path, ct)
		}
	}
}
