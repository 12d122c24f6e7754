package feed

import (
	"bytes"
	"encoding/hex"
	"regexp"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
)

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
