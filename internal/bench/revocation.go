package main

import (
	"fmt"
	"io"
	"runtime"
	"strings"
)

// revocationName selects the rows about the revocation log.
const revocationName = "revocation"

// revocation measures how fast a rule reaches everybody, and what rules cost
// those who look every token up in them.
func (b *bench) revocation(short bool) error {
	if !b.wanted(revocationName) {
		return nil
	}
	length := "1s"
	if short {
		length = "50ms"
	}
	all := figures{}
	for _, run := range []struct{ pkg, match, length string }{
		{"./verify", "^BenchmarkRevoke$", "1x"}, // each is a whole campaign
		{"./verify/internal/rules", "^Benchmark(Check|Snapshot)$", length},
		{"./internal/store/sqlstore", "^BenchmarkStore$/^SQLite$/^sign-in$/^16$", length},
	} {
		found, err := benchmarks(run.pkg, run.match, run.length, "")
		if err != nil {
			return err
		}
		for name, own := range found {
			all[name] = own
		}
	}
	revocation(b.out, all, runtime.GOMAXPROCS(0))
	return nil
}

func revocation(out io.Writer, f figures, processors int) {
	fmt.Fprintf(out, "\n%-40s\n%s\n", "revocation: one machine, verifiers and service in one process", strings.Repeat("-", 140))
	for _, c := range []struct {
		verifiers, rate int
		target          float64
	}{{100, 100, 50}, {1_000, 4, 150}} {
		name := fmt.Sprintf("Revoke/%d-verifiers", c.verifiers)
		ms := func(q string) float64 { return f.get(name, q+"-ms", processors) }
		line(out, fmt.Sprintf("revoked until all %d refuse", c.verifiers),
			fmt.Sprintf("%d/s: p50 %.1f ms, p99 %.1f ms, most %.1f ms", c.rate, ms("p50"), ms("p99"), ms("max")),
			atMost("ms", "%.0f", ms("p99"), c.target))
	}
	check := func(unit string) float64 { return f.get("Check/none", unit, processors) }
	line(out, "six keys at a million rules", fmt.Sprintf("%.0f ns, %.0f allocations, %.1f B a rule", check("ns/op"), check("allocs/op"), check("B/rule")),
		atMost("ns", "%.0f", check("ns/op"), 150)+", "+atMost("allocations", "%.0f", check("allocs/op"), 0)+", "+atMost("B", "%.0f", check("B/rule"), 60))
	load := f.get("Snapshot", "ns/op", processors) / 1e9
	line(out, "a snapshot of a million rules", fmt.Sprintf("%.2f s from lines to table", load), atMost("s", "%.1f", load, 0.5))
	signIn := func(unit string) float64 { return f.get("Store/SQLite/sign-in/16", unit, processors) }
	line(out, "the store's part of a sign-in, 2 events", fmt.Sprintf("%.0f/s durable, %.0f µs CPU", signIn("ops/s"), signIn("cpu-µs/op")), "")
}
