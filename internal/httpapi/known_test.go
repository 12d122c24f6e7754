package httpapi

import (
	"bytes"
	"encoding/hex"
	"regexp"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
)

// A cursor that a caller holds must lead to the same place after an upgrade.
func TestKnownCursor(t *testing.T) {
	const known, id = "AAABuOCUmy4AESIzRFVmd4iZqrvM3e7_", "00112233-4455-6677-8899-aabbccddeeff"
	at := time.UnixMilli(1893553445678).UTC()
	if got := cursor(at, id); got != known {
		t.Errorf("cursor %s", got)
	}
	if when, which, err := parseCursor(known); err != nil || !when.Equal(at) || which != id {
		t.Errorf("%v %s %v", when, which, err)
	}
	for n := 1; n < len(known); n++ {
		if _, _, err := parseCursor(known[:n]); err == nil {
			t.Errorf("%q is a cursor", known[:n])
		}
	}
}

// Followers of other versions and languages read these bytes.
func TestKnownFrames(t *testing.T) {
	salt, _ := hex.DecodeString("000102030405060708090a0b0c0d0e0f")
	f := frames{issuer: "https://login.example.org", salt: salt}
	at := time.Unix(1893553445, 0)
	got := f.rules(&revoke.Batch{From: 12884901894, To: 12884901895, Rules: []rule.Rule{
		{Seq: 12884901895, Kind: rule.Session, Value: "sid-1", Mode: rule.Hard, At: at, Prune: at.Add(16 * time.Minute)},
	}})
	const want = "event: rev\nid: 12884901895\n" +
		`data: {"from":12884901894,"to":12884901895,"rules":[{"seq":12884901895,"kind":"s","h":"09Y5bULDqq5mKGRGI5Aozw","t":1893553445,"x":1893554405,"mode":"hard"}]}` + "\n\n"
	// The proof is for this service alone to check: any text will do for others.
	got = regexp.MustCompile(`,"proof":"12884901895\.[\w-]{22}"`).ReplaceAll(got, nil)
	if !bytes.Equal(got, []byte(want)) {
		t.Errorf("rules:\n%s\nwant\n%s", got, want)
	}
}
