package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const printed = `goos: linux
BenchmarkUncached/ES256/portaria-2 	    5000	    124561 ns/op	     256 B/op	       2 allocs/op
BenchmarkUncached/ES256/bare-2     	    5000	    101175 ns/op	     900 B/op	      12 allocs/op
BenchmarkUncached/ES256/ratio-2    	    5000	    240000 ns/op	         1.040 x-bare
BenchmarkForged 	    8650	    133570 ns/op	         1.000 x-own
PASS
`

func TestParseBenchmarks(t *testing.T) {
	got := parseBenchmarks([]byte(printed))
	want := figures{
		"Uncached/ES256/portaria-2": {"ns/op": 124561, "B/op": 256, "allocs/op": 2},
		"Uncached/ES256/bare-2":     {"ns/op": 101175, "B/op": 900, "allocs/op": 12},
		"Uncached/ES256/ratio-2":    {"ns/op": 240000, "x-bare": 1.04},
		"Forged":                    {"ns/op": 133570, "x-own": 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.get("Forged", "x-own", 1) != 1 || got.get("Uncached/ES256/ratio", "x-bare", 2) != 1.04 {
		t.Error("figures are not found by name")
	}
}

// TestUncachedJudges: a miss is told by how much, a hit is a pass.
func TestUncachedJudges(t *testing.T) {
	var out strings.Builder
	f := parseBenchmarks([]byte(strings.ReplaceAll(printed, "-2 ", " ")))
	processors := 1
	uncached(&out, f, processors)
	for _, want := range []string{"≤ 1.03 of bare crypto: MISS (1.01 of it)", "≤ 15 allocations: pass"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}
