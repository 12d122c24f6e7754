package guard_test

import (
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/guard"
)

func TestDevices(t *testing.T) {
	now := time.Unix(1_800_000_000, 0).UTC()
	keys := [][]byte{[]byte("new key"), []byte("old key")}
	d := guard.Devices{Keys: func(time.Time) [][]byte { return keys }, Lifetime: 90 * 24 * time.Hour}
	mark, err := d.Mark("ana", "", now)
	if err != nil || len(mark) != guard.MaxMark {
		t.Fatalf("mark %q, %v", mark, err)
	}
	check := func(what, mark, account string, since, at time.Time, want bool) string {
		t.Helper()
		device, ok := d.Check(mark, account, since, at)
		if ok != want {
			t.Errorf("%s: known %t, want %t", what, ok, want)
		}
		return device.ID
	}
	id := check("as given out", mark, "ana", time.Time{}, now, true)
	check("another account", mark, "bea", time.Time{}, now, false)
	check("no account", mark, "", time.Time{}, now, false)
	check("at the end of its life", mark, "ana", time.Time{}, now.Add(90*24*time.Hour), true)
	check("after its life", mark, "ana", time.Time{}, now.Add(90*24*time.Hour+time.Second), false)
	check("given out before all were revoked", mark, "ana", now.Add(time.Second), now, false)
	check("given out when all were revoked", mark, "ana", now, now, true)
	check("cut", mark[1:], "ana", time.Time{}, now, false)
	check("empty", "", "ana", time.Time{}, now, false)
	for i := range mark {
		changed := mark[:i] + string("AB"[strings.Count(mark[i:i+1], "A")]) + mark[i+1:]
		check("changed", changed, "ana", time.Time{}, now, false)
	}
	again, err := d.Mark("ana", id, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if got := check("a second mark", again, "ana", time.Time{}, now, true); got != id || again == mark {
		t.Errorf("a second mark of a device has id %s, want %s", got, id)
	}
	keys = keys[1:]
	check("of a key that ended", mark, "ana", time.Time{}, now, false)
	keys = [][]byte{[]byte("newer key"), []byte("new key")}
	check("of the key before", mark, "ana", time.Time{}, now, true)
	if _, ok := (guard.Devices{}).Check(mark, "ana", time.Time{}, now); ok {
		t.Error("the zero value knows a device")
	}
	if _, err := (guard.Devices{}).Mark("ana", "", now); err == nil {
		t.Error("the zero value gives out a mark")
	}
}
