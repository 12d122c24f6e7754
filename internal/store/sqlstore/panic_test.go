package sqlstore_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/internal/store/sqlstore"
)

// explode writes something, and then panics.
func explode(do sqlstore.Statement) error {
	if err := do("INSERT INTO secrets (name, sealed) VALUES ('half', x'00')"); err != nil {
		return err
	}
	panic("oops")
}

// A step that panics fails its own caller. The writer goes on, and nobody else
// loses a write.
func TestAPanickingStepFailsItsCallerAlone(t *testing.T) {
	for _, several := range []bool{false, true} {
		h := hold(t)
		before := h.queue(several, insert("before"))
		guilty := h.queue(several, explode)
		after := h.queue(several, insert("after"))
		h.finish()
		if err := <-guilty; err == nil || !strings.Contains(err.Error(), "panic: oops") {
			t.Errorf("several %v: the caller of the step got %v", several, err)
		}
		for name, result := range map[string]<-chan error{"before": before, "after": after} {
			if err := <-result; err != nil {
				t.Errorf("several %v: %s got %v", several, name, err)
			}
		}
		if n := h.secrets(); n != 2 {
			t.Errorf("several %v: %d rows, want those of the two others", several, n)
		}
		if err := h.Do(t.Context(), several, insert("later")); err != nil {
			t.Errorf("several %v: the writer is gone: %v", several, err)
		}
	}
}

func TestAPanickingStepIsLoggedAndCounted(t *testing.T) {
	var log bytes.Buffer
	panics := background.New(slog.New(slog.NewTextHandler(&log, nil)))
	store, err := sqlstore.Open(t.Context(), engines["SQLite"](t), sqlstore.Options{Panics: panics})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	_ = store.Do(context.Background(), true, explode)
	if panics.Count() != 1 || !strings.Contains(log.String(), `work="database writer"`) || !strings.Contains(log.String(), "panic_test.go") {
		t.Errorf("%d counted, log %s", panics.Count(), log.String())
	}
}
