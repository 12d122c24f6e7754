package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
)

// tokensName selects the rows about package verify, of which verifyPackage has
// the benchmarks.
const (
	tokensName    = "verify"
	verifyPackage = "./verify"
)

// figures are the benchmarks of one run by name, each with its figures by unit.
type figures map[string]map[string]float64

// tokens measures package verify with its own benchmarks and prints them beside
// bare crypto and other libraries, all within one run.
func (b *bench) tokens(short bool) error {
	if !b.wanted(tokensName) {
		return nil
	}
	length := "300ms"
	if short {
		length = "10ms"
	}
	single, err := benchmarks(verifyPackage, "(Uncached|Cached|Forged)$", length, "")
	if err != nil {
		return err
	}
	parallel, err := benchmarks(verifyPackage, "CachedParallel", length, "1,2")
	if err != nil {
		return err
	}
	processors := runtime.GOMAXPROCS(0) // part of the names
	uncached(b.out, single, processors)
	cached(b.out, single, parallel, processors)
	return nil
}

// benchmarks runs those of a package that match.
func benchmarks(pkg, match, length, cpus string) (figures, error) {
	args := []string{"test", "-run", "^$", "-bench", match, "-benchtime", length, pkg}
	if cpus != "" {
		args = append(args, "-cpu", cpus)
	}
	command := exec.Command("go", args...)
	command.Stderr = os.Stderr
	text, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("run benchmarks of %s: %w\n%s", pkg, err, text)
	}
	return parseBenchmarks(text), nil
}

// parseBenchmarks reads what `go test -bench` prints.
func parseBenchmarks(text []byte) figures {
	all := figures{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		own := map[string]float64{}
		for i := 2; i+1 < len(fields); i += 2 {
			if n, err := strconv.ParseFloat(fields[i], 64); err == nil {
				own[fields[i+1]] = n
			}
		}
		all[strings.TrimPrefix(fields[0], "Benchmark")] = own
	}
	return all
}

// get is one figure. The testing package names the number of processors after
// each benchmark that has more than one.
func (f figures) get(name, unit string, cpus int) float64 {
	if cpus > 1 {
		name = fmt.Sprintf("%s-%d", name, cpus)
	}
	return f[name][unit]
}

func uncached(out io.Writer, f figures, processors int) {
	fmt.Fprintf(out, "\n%-26s %9s %9s %7s | %10s %10s %10s | %s\n", "verify, cache off",
		"ns", "bare ns", "ratio", "golang-jwt", "go-jose", "jwx", "target")
	fmt.Fprintln(out, strings.Repeat("-", 140))
	for _, a := range []struct {
		algorithm string
		target    float64 // in units of bare crypto
	}{{"ES256", 1.03}, {"EdDSA", 1.03}, {"RS256", 1.06}, {"PS256", 1.06}, {"HS256", 1.8}} {
		ns := func(who string) float64 { return f.get("Uncached/"+a.algorithm+"/"+who, "ns/op", processors) }
		allocations := func(who string) float64 {
			return f.get("Uncached/"+a.algorithm+"/"+who, "allocs/op", processors)
		}
		ratio := f.get("Uncached/"+a.algorithm+"/ratio", "x-bare", processors)
		fmt.Fprintf(out, "%-26s %9.0f %9.0f %7.3f | %9.2fx %9.2fx %9.2fx | %s, %s\n", a.algorithm, ns("portaria"), ns("bare"), ratio,
			ns("golang-jwt")/ns("bare"), ns("go-jose")/ns("bare"), ns("jwx")/ns("bare"),
			atMost("of bare crypto", "%.2f", ratio, a.target),
			atMost("allocations", "%.0f", allocations("portaria"), allocations("bare")+3))
	}
}

func cached(out io.Writer, single, parallel figures, processors int) {
	fmt.Fprintf(out, "\n%-40s\n%s\n", "verify, cache on: distinct tokens, each in a fresh buffer", strings.Repeat("-", 140))
	for _, c := range []struct {
		tokens int
		target float64
	}{{1_000, 150}, {10_000, 400}, {100_000, 550}, {1_000_000, 700}} {
		name := fmt.Sprintf("Cached/%d/verify", c.tokens)
		ns, allocations := single.get(name, "ns/verify", processors), single.get(name, "allocs/op", processors)
		line(out, fmt.Sprintf("%d tokens", c.tokens),
			fmt.Sprintf("%.0f ns, %.0f allocations, %.0f B an entry", ns, allocations, single.get(name, "B/entry", processors)),
			atMost("ns", "%.0f", ns, c.target))
	}
	mixed := single.get("Forged", "x-own", processors)
	line(out, "1 % forged among cached ones", fmt.Sprintf("%.3f of what they take apart", mixed), atMost("of their own crypto", "%.2f", mixed, 1.05))
	one, two := parallel.get("CachedParallel", "ns/op", 1), parallel.get("CachedParallel", "ns/op", 2)
	line(out, "two processors", fmt.Sprintf("%.2f times as many as one", one/two), atLeast("times", "%.1f", one/two, 1.8))
}
