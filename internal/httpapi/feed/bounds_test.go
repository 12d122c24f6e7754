package feed

import (
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/revoke/rule"
)

func TestPreferredWait(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": 0, "wait": 0, "wait=": 0, "wait=x": 0, "wait=-1": 0, "wait=0": 0, "waits=3": 0,
		"wait=1": time.Second, `wait="2"`: 2 * time.Second, `WAIT=2`: 2 * time.Second, "respond-async, wait=3": 3 * time.Second, "wait=x,wait=4": 4 * time.Second,
		"wait=19": 19 * time.Second, "wait=20": 20 * time.Second, "wait=21": 20 * time.Second,
		"wait=9223372036": 20 * time.Second, "wait=9223372036854775807": 20 * time.Second, "wait=9223372036854775808": 0,
	} {
		if got := preferredWait(header); got != want {
			t.Errorf("Prefer: %s: %v, want %v", header, got, want)
		}
	}
}

func TestBehind(t *testing.T) {
	at := func(epoch, n int64) int64 { return rule.Seq(epoch, n) }
	for _, test := range [][3]int64{
		{at(1, 5), at(1, 5), 0}, {at(1, 5), at(1, 4), 1}, {at(1, 5), at(1, 6), 0}, {at(2, 5), at(1, 5), -1}, {at(1, 5), at(2, 5), -1},
	} {
		if got := behind(test[0], test[1]); got != test[2] {
			t.Errorf("head %d, at %d: %d, want %d", test[0], test[1], got, test[2])
		}
	}
}

// An idempotency key is printable text.
func TestPrintableKeys(t *testing.T) {
	for key, want := range map[string]bool{"a b~é": true, "a\tb": false, "\x7f": false, "\u0085": false, strings.Repeat("x", 9): true} {
		if printableKey(key) != want {
			t.Errorf("%q: printable %v", key, !want)
		}
	}
}
