package main

import (
	"io"
	"strings"
	"testing"
	"time"
)

// TestVerdict: the suite can fail in each way that it is there to find.
func TestVerdict(t *testing.T) {
	second := int64(time.Second)
	crew := &company{name: "a", role: role{Verifiers: 1}}
	for name, c := range map[string]struct {
		seen  []sighting
		wants string // in the error; empty for none
	}{
		"refused in time":             {[]sighting{{Watch: 1, Accepted: 10*second + 1, Revoked: 10*second + 3}}, ""},
		"never refused":               {nil, "logout 1 by verifier 0 of a"},
		"unsure, never revoked":       {[]sighting{{Watch: 1}}, "logout 1 by verifier 0"},
		"accepted beyond":             {[]sighting{{Watch: 1, Accepted: 13 * second, Revoked: 14 * second}}, "accepted 3s after it"},
		"good again after a restart":  {[]sighting{{Watch: 1, Revoked: 11 * second}, {Watch: 1, Accepted: 19 * second, Revoked: 20 * second}}, "accepted 9s after it"},
		"accepted after a promise":    {[]sighting{{Watch: 1, Accepted: 11*second + 6*second/10, Revoked: 12 * second}}, "after its receipt's effective_by"},
		"accepted after confirmation": {[]sighting{{Watch: 1, Accepted: 11*second + 1, Revoked: 12 * second}}, "after all had confirmed"},
		"a good token refused":        {[]sighting{{Watch: 1, Revoked: 11 * second}, {Wrong: "token revoked"}}, "1 times: token revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger()
			l.note(ack{10 * second, "logout", []*company{crew}, 11*second + second/2, 11 * second}, 1)
			for _, s := range c.seen {
				l.hear(crew, s)
			}
			err := l.verdict(io.Discard)
			if c.wants == "" && err != nil || c.wants != "" && (err == nil || !strings.Contains(err.Error(), c.wants)) {
				t.Errorf("got %v, want %q", err, c.wants)
			}
		})
	}
}
