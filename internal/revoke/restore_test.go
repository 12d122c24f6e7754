package revoke_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/store/sqlstore"
)

// house is a database file, of which a backup is restored.
type house struct {
	*testing.T
	path  string
	store *sqlstore.Store
}

func (h *house) open() {
	h.Helper()
	store, err := sqlstore.Open(h.Context(), "sqlite:"+h.path, sqlstore.Options{})
	if err != nil {
		h.Fatal(err)
	}
	h.store = store
}

func (h *house) close() {
	h.Helper()
	if err := h.store.Close(); err != nil {
		h.Fatal(err)
	}
}

func (h *house) copy(from, to string) {
	h.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) revoke(session string) rule.Rule {
	h.Helper()
	r, err := h.store.Write(h.Context(), revoke.Entry{Kind: rule.Session, Value: session, Mode: rule.Hard, At: time.Now()})
	if err != nil {
		h.Fatal(err)
	}
	return r
}

// switched is a store that is taken away under whoever uses it.
type switched struct{ revoke.Store }

// A backup is restored under a process that runs on: it brings what the backup
// has forgotten.
func TestRestoredBackupUnderARunningProcess(t *testing.T) {
	h := &house{T: t, path: filepath.Join(t.TempDir(), "portaria.db")}
	h.open()
	h.revoke("old")
	h.close()
	h.copy(h.path, h.path+".backup")
	h.open()
	under := &switched{h.store}
	hub, err := revoke.Open(t.Context(), under, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	lost := h.revoke("lost")
	if err := hub.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.close()
	h.copy(h.path+".backup", h.path)
	h.open()
	defer h.close()
	under.Store = h.store
	if err := hub.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	later, err := revoke.Open(t.Context(), h.store, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, hub := range []*revoke.Hub{hub, later} {
		for _, session := range []string{"old", "lost"} {
			if _, refused := hub.Check(revoke.Claims{Session: session, Revision: 0}); !refused {
				t.Errorf("%s is good again", session)
			}
		}
	}
	if r := h.revoke("new"); r.Seq <= lost.Seq {
		t.Errorf("place %d is given away after %d", r.Seq, lost.Seq)
	}
}

// A backup is restored while nothing runs: whoever followed knows a place that
// the log has not reached, and keeps what it knows.
func TestRestoredBackupBeforeAStart(t *testing.T) {
	h := &house{T: t, path: filepath.Join(t.TempDir(), "portaria.db")}
	h.open()
	h.revoke("old")
	h.close()
	h.copy(h.path, h.path+".backup")
	h.open()
	h.revoke("lost")
	lost := h.revoke("lost, too")
	h.close()
	h.copy(h.path+".backup", h.path)
	h.open()
	defer h.close()
	hub, err := revoke.Open(t.Context(), h.store, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := hub.Ahead(t.Context(), lost.Seq); err != nil {
		t.Fatal(err)
	}
	if hub.View().Resumes(lost.Seq) {
		t.Error("the follower is not told to take a snapshot")
	}
	if r := h.revoke("new"); r.Seq <= lost.Seq {
		t.Errorf("place %d is given away after %d", r.Seq, lost.Seq)
	}
}
