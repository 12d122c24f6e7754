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
	token, err := d.Token("ana", "", now)
	if err != nil || len(token) != guard.MaxDeviceToken {
		t.Fatalf("device token %q, %v", token, err)
	}
	check := func(what, token, account string, since, at time.Time, want bool) string {
		t.Helper()
		device, ok := d.Check(token, account, since, at)
		if ok != want {
			t.Errorf("%s: known %t, want %t", what, ok, want)
		}
		return device.ID
	}
	id := check("as given out", token, "ana", time.Time{}, now, true)
	check("another account", token, "bea", time.Time{}, now, false)
	check("no account", token, "", time.Time{}, now, false)
	check("at the end of its life", token, "ana", time.Time{}, now.Add(90*24*time.Hour), true)
	check("after its life", token, "ana", time.Time{}, now.Add(90*24*time.Hour+time.Second), false)
	check("given out before all were revoked", token, "ana", now.Add(time.Second), now, false)
	check("given out when all were revoked", token, "ana", now, now, true)
	check("cut", token[1:], "ana", time.Time{}, now, false)
	check("empty", "", "ana", time.Time{}, now, false)
	for i := range token {
		changed := token[:i] + string("AB"[strings.Count(token[i:i+1], "A")]) + token[i+1:]
		check("changed", changed, "ana", time.Time{}, now, false)
	}
	again, err := d.Token("ana", id, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if got := check("a second device token", again, "ana", time.Time{}, now, true); got != id || again == token {
		t.Errorf("a second device token of a device has id %s, want %s", got, id)
	}
	keys = keys[1:]
	check("of a key that ended", token, "ana", time.Time{}, now, false)
	keys = [][]byte{[]byte("newer key"), []byte("new key")}
	check("of the key before", token, "ana", time.Time{}, now, true)
	if _, ok := (guard.Devices{}).Check(token, "ana", time.Time{}, now); ok {
		t.Error("the zero value knows a device")
	}
	if _, err := (guard.Devices{}).Token("ana", "", now); err == nil {
		t.Error("the zero value gives out a device token")
	}
}
