package event_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/event"
)

var update = flag.Bool("update", false, "write the generated file instead of comparing it")

const page = "../../docs/reference/events.md"

// TestGenerated fails when docs/reference/events.md is older than the table.
func TestGenerated(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Events\n\nMade by `go generate`; do not edit.\n\n" +
		"Each event has `seq`, `id`, `type` and `at`. Where they are known it also has `actor` (an account's id, a client's id or\n" +
		"`operator`), `address`, `user_agent` and `request_id`, which is also in the access log. Webhooks leave out address and\n" +
		"user agent. A name in brackets is there only when it is known.\n\n" +
		"| type | when | names | reason | detail |\n|---|---|---|---|---|\n")
	for _, d := range event.Reference() {
		var details []string
		for _, name := range slices.Sorted(maps.Keys(d.Detail)) {
			details = append(details, fmt.Sprintf("`%s`: %s", name, d.Detail[name]))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", d.Type, d.When, d.Names, d.Reason, strings.Join(details, "; "))
	}
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(got)); diff != "" {
		t.Errorf("%s is outdated; run `make generate`:\n%s", page, diff)
	}
}

// TestReferenceIsComplete: every type is described, once and in order.
func TestReferenceIsComplete(t *testing.T) {
	var described []event.Type
	for _, d := range event.Reference() {
		described = append(described, d.Type)
		if !strings.HasSuffix(d.When, ".") {
			t.Errorf("%s: %q is no sentence", d.Type, d.When)
		}
	}
	if diff := cmp.Diff(event.Types(), described); diff != "" {
		t.Error(diff)
	}
}
