package main

import (
	"strings"
	"testing"
)

// TestRevocationJudges: every figure has its target beside it, and a miss is
// told by how much.
func TestRevocationJudges(t *testing.T) {
	f := parseBenchmarks([]byte(`
BenchmarkRevoke/100-verifiers 	 1	6719810637 ns/op	 45.29 max-ms	 2.275 p50-ms	 12.80 p99-ms
BenchmarkRevoke/1000-verifiers 	 1	6719810637 ns/op	 945.29 max-ms	 20 p50-ms	 300 p99-ms
BenchmarkCheck/none 	 9	 75 ns/op	 61 B/rule	 0 B/op	 0 allocs/op
BenchmarkSnapshot 	 1	 1000000000 ns/op	 5 MB/s
BenchmarkStore/SQLite/sign-in/16 	 9	 5 ns/op	 80 cpu-µs/op	 4000 ops/s
`))
	var out strings.Builder
	revocation(&out, f, 1)
	for _, want := range []string{
		"revoked until all 100 refuse", "100/s: p50 2.3 ms, p99 12.8 ms, most 45.3 ms", "≤ 50 ms: pass",
		"≤ 150 ms: MISS (2.00 of it)",
		"75 ns, 0 allocations, 61.0 B a rule", "≤ 150 ns: pass, ≤ 0 allocations: pass, ≤ 60 B: MISS (1.02 of it)",
		"≤ 0.5 s: MISS (2.00 of it)", "4000/s durable, 80 µs CPU",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}
