package jose_test

import (
	"fmt"
	"testing"

	"github.com/portaria/portaria/internal/jose"
)

// TestMemo: what was read once is not checked again, and forgetting is no error.
func TestMemo(t *testing.T) {
	var m jose.Memo
	k := generate(t, jose.RS256)
	text := string(k.PublicJWK())
	first, err := m.Parse(text)
	if err != nil || first.Keys()[0].Kid() != k.Kid() {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = m.Parse(text) }); n != 0 {
		t.Errorf("%v allocations for a set that is known", n)
	}
	for i := range 600 {
		if _, err := m.Parse(fmt.Sprintf(" %*s", i, text)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Parse(`{"keys":[]}`); err == nil {
		t.Error("an empty set")
	}
	if again, err := m.Parse(text); err != nil || again.Keys()[0].Kid() != k.Kid() {
		t.Error(err)
	}
}
