package app_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/verify"
)

// crashed keeps the file and its log as they are on the disk at this moment,
// as a machine that fails leaves them.
func (v sqliteVault) crashed(t *testing.T) {
	t.Helper()
	copyFile(t, v.path, v.path+".crashed")
	copyFile(t, v.path+"-wal", v.path+".crashed-wal")
}

// tear puts back what the crash left, with the end of the log torn.
func (v sqliteVault) tear(t *testing.T, torn func(wal []byte) []byte) {
	t.Helper()
	_ = os.Remove(v.path + "-shm")
	copyFile(t, v.path+".crashed", v.path)
	wal, err := os.ReadFile(v.path + ".crashed-wal")
	if err != nil {
		t.Fatal(err)
	}
	if len(wal) < 16<<10 {
		t.Fatalf("a log of %d bytes: the test proves nothing", len(wal))
	}
	if err := os.WriteFile(v.path+"-wal", torn(wal), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTornWrite: the disk loses, or garbles, the end of what it had said was
// written, which takes rules with it that were acknowledged. Whoever followed
// goes on refusing, the loss is seen, and the places are not given away again.
func TestTornWrite(t *testing.T) {
	for name, c := range map[string]struct {
		torn func([]byte) []byte
		lost bool // whether rules must be gone
	}{
		"nothing": {func(wal []byte) []byte { return wal }, false},
		"a torn page that nobody was told of": {func(wal []byte) []byte {
			return append(wal, wal[len(wal)-3000:]...)
		}, false},
		"cut in the midst": {func(wal []byte) []byte { return wal[:len(wal)/2+77] }, true},
		"garbled from the midst": {func(wal []byte) []byte {
			for i := len(wal) / 2; i < len(wal); i += 97 {
				wal[i] ^= 0x5a
			}
			return wal
		}, true},
		"all of it": {func([]byte) []byte { return nil }, true},
	} {
		t.Run(name, func(t *testing.T) {
			v := sqliteVault{filepath.Join(t.TempDir(), "portaria.db")}
			l := newLives(t, v)
			var people [20]person
			var other person
			var last api.Receipt
			l.live("before", func(e *everywhere) {
				l.follow(e)
				for i := range people {
					people[i] = e.signUp("ana" + string(rune('a'+i)))
				}
				other = e.signUp("other")
			})
			l.live("until the crash", func(e *everywhere) {
				for _, p := range people {
					last = e.revokeSession(p)
				}
				e.eventually("refused", func() bool { return e.revoked(people[len(people)-1]) })
				v.crashed(e.T)
			})
			v.tear(t, c.torn)
			l.live("after", func(e *everywhere) {
				if e.eventually("the verifier knows", func() bool { return l.service.Stats().Feed == verify.FeedCurrent }); c.lost {
					e.eventually("the epoch rises", func() bool { return l.service.Stats().Position>>32 > last.Seq>>32 })
				} else if found, err := e.issuer.Admin().Receipt(e.Context(), last.Seq); err != nil || found.Seq != last.Seq {
					e.Errorf("the last rule: %+v, %v", found, err)
				}
				for i, p := range people {
					if !e.revoked(p) {
						e.Errorf("%d is un-revoked", i)
					}
				}
				if next := e.revokeSession(other); next.Seq <= last.Seq {
					e.Errorf("place %d after %d", next.Seq, last.Seq)
				}
				e.eventually("what is revoked then is refused", func() bool { return e.revoked(other) })
			})
		})
	}
}
