package sqlstore

import (
	"database/sql"
	"path/filepath"
	"testing"
	"testing/fstest"
)

func TestReadableSinceOfMigrations(t *testing.T) {
	for _, c := range []struct {
		first string
		want  int64 // 0: an error
	}{
		{"-- readable_since: 1", 2}, // the other file's 2 is greater
		{"-- readable_since: 2", 2},
		{"-- readable_since: 3", 3},
		{"-- readable_since: 4", 0},
		{"-- readable_since: 0", 0},
		{"-- readable_since: x", 0},
		{"-- A migration that does not state it.", 0},
	} {
		folder := fstest.MapFS{
			"migrations/00002_two.sql":   {Data: []byte("-- readable_since: 2\n")},
			"migrations/00003_three.sql": {Data: []byte(c.first + "\n")},
		}
		if got, err := readableSince(folder); got != c.want || (err != nil) != (c.want == 0) {
			t.Errorf("%q: got %d, %v; want %d", c.first, got, err, c.want)
		}
	}
	if _, err := readableSince(migrations); err != nil {
		t.Error(err)
	}
}

func TestRaiseReadableNeverLowers(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := raiseReadable(t.Context(), db, 5); err != nil {
		t.Errorf("without the table: %v", err)
	}
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE schema_readable (one INTEGER, since BIGINT); INSERT INTO schema_readable VALUES (1, 16)"); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ raise, want int64 }{{15, 16}, {18, 18}, {17, 18}} {
		var got int64
		err := raiseReadable(t.Context(), db, step.raise)
		if err == nil {
			err = db.QueryRowContext(t.Context(), "SELECT since FROM schema_readable").Scan(&got)
		}
		if err != nil || got != step.want {
			t.Errorf("raise to %d: got %d, %v; want %d", step.raise, got, err, step.want)
		}
	}
}
