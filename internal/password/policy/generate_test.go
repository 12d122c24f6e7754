package policy_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "note what the list was made from")

const noted = "common.sha256"

// TestGeneratedListIsCurrent compares the list, and what it is made from, with the
// note that go generate left. It needs no network.
func TestGeneratedListIsCurrent(t *testing.T) {
	sum := sha256.New()
	for _, name := range []string{"makelist/main.go", "fold.go", "brasil.txt", "common.txt.gz"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(text))
		sum.Write(text)
	}
	got := fmt.Sprintf("%x\n", sum.Sum(nil))
	if *update {
		if err := os.WriteFile(noted, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(noted); err != nil || string(want) != got {
		t.Errorf("common.txt.gz is not what makelist makes: run make generate (%v)", err)
	}
}
