package follow_test

import (
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
