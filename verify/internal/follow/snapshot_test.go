package follow_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/portaria/portaria/verify/internal/follow"
)

// TestLimitsOfASnapshot: a rule takes a line of 16 KiB at most, and the first
// line, with its end, 1 MiB; what is cut off is refused.
func TestLimitsOfASnapshot(t *testing.T) {
	const head, rule = `{"epoch":1,"head":4294967297}`, `{"seq":4294967297,"kind":"s","h":"09Y5bULDqq5mKGRGI5Aozw","t":1,"x":2,"mode":"hard"}`
	fill := func(text string, size int) string { return text + strings.Repeat(" ", size-len(text)-1) + "\n" }
	for _, more := range []int{0, 1} {
		if n, err := follow.ReadSnapshot(strings.NewReader(fill(head, 1<<20+more))); (err == nil) != (more == 0) || n != 0 {
			t.Errorf("first line of %d bytes: %v", 1<<20+more, err)
		}
		if n, err := follow.ReadSnapshot(strings.NewReader(head + "\n" + fill(rule, 16<<10+more))); (err == nil) != (more == 0) || n != 1-more {
			t.Errorf("rule of %d bytes: %d rules, %v", 16<<10+more, n, err)
		}
	}
	whole := head + "\n" + rule + "\n"
	for n := range whole {
		if _, err := follow.ReadSnapshot(strings.NewReader(whole[:n])); (err == nil) != (n == len(head)+1) {
			t.Errorf("%q: %v", whole[:n], err)
		}
	}
	if _, err := follow.ReadSnapshot(io.MultiReader(strings.NewReader(whole), brokenWire{})); err == nil {
		t.Error("a snapshot whose connection broke is read")
	}
}

// brokenWire fails.
type brokenWire struct{}

func (brokenWire) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestSizesOfASnapshot: what is over a limit, on the wire or as text, is an error and
// not the end of the snapshot. Exactly the limit is read.
func TestSizesOfASnapshot(t *testing.T) {
	if follow.MaxSnapshot != 64<<20 || follow.MaxUnpacked != 1<<30 {
		t.Errorf("limits of %d and %d bytes", follow.MaxSnapshot, follow.MaxUnpacked)
	}
	text := strings.Repeat("a line\n", 100_000)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	most := int64(1 << 40)
	for what, test := range map[string]struct {
		body           string
		packed         bool
		wire, unpacked int64
		whole          bool
	}{
		"text of the limit":           {text, false, int64(len(text)), most, true},
		"text over the limit":         {text, false, int64(len(text)) - 1, most, false},
		"gzip of the limit":           {packed.String(), true, int64(packed.Len()), most, true},
		"gzip over the limit":         {packed.String(), true, int64(packed.Len()) - 1, most, false},
		"unpacks to the limit":        {packed.String(), true, most, int64(len(text)), true},
		"unpacks to over the limit":   {packed.String(), true, most, int64(len(text)) - 1, false},
		"unpacks to far over it":      {packed.String(), true, most, 7, false},
		"text, where nothing unpacks": {text, false, most, int64(len(text)) - 1, false},
	} {
		r, err := follow.OpenSnapshot(strings.NewReader(test.body), test.packed, test.wire, test.unpacked)
		var got []byte
		if err == nil {
			got, err = io.ReadAll(r)
		}
		if (err == nil) != test.whole || test.whole && string(got) != text {
			t.Errorf("%s: %d bytes, %v", what, len(got), err)
		}
	}
}
