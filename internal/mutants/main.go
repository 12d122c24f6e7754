// Command mutants breaks one line of the code at a time, on purpose, and looks
// whether a test fails. It prints the share of the breaks that were noticed, a
// line a package, and each break that was not.
//
// The breaks are chosen by a fixed seed, so two runs over the same code choose
// the same ones. No file is changed: the compiler is given an overlay. Breaks
// that change nothing that a test could see are listed, with the reason, in
// equivalent.txt beside this file.
//
//	go run ./internal/mutants -n 12 ./internal/session ./internal/revoke
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

// packages are those that are measured when none is named, with the tests that
// hold each: its own first, then those of packages that use it.
var packages = []struct {
	dir   string
	tests []string
}{
	{"internal/session", []string{"internal/login", "internal/httpapi", "internal/app"}},
	{"internal/revoke", []string{"internal/httpapi", "internal/app"}},
	{"verify", []string{"internal/app"}},
	{"internal/jose", []string{"internal/token"}},
	{"internal/keyring", []string{"internal/app"}},
	{"internal/login", []string{"internal/httpapi", "internal/app"}},
	{"internal/clients", []string{"internal/httpapi", "internal/app"}},
	{"internal/httpapi", []string{"internal/app"}},
	{"internal/store/sqlstore", []string{"internal/httpapi", "internal/app"}},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	n := flag.Int("n", 12, "breaks a package")
	seed := flag.Int64("seed", 1, "choose other breaks")
	limit := flag.Duration("timeout", 4*time.Minute, "for the tests of one package; a test that hangs has noticed")
	floor := flag.Float64("floor", 0, "exit with an error when a package is below this share, in percent")
	flag.Parse()
	known, err := readKnown(filepath.Join("internal", "mutants", "equivalent.txt"))
	if err != nil {
		return err
	}
	low := 0
	for _, p := range packages {
		if !wanted(p.dir, flag.Args()) {
			continue
		}
		all, err := breaksOf(p.dir)
		if err != nil {
			return err
		}
		s := score{dir: p.dir}
		for _, b := range choose(all, *seed) {
			if s.tried() == *n || ctx.Err() != nil {
				break
			}
			if known[b.id()] {
				s.equivalent++
				continue
			}
			s.add(b, try(ctx, b, append([]string{p.dir}, p.tests...), *limit))
		}
		s.print()
		if s.percent() < *floor {
			low++
		}
	}
	if low > 0 {
		return fmt.Errorf("%d packages are below %.0f %%", low, *floor)
	}
	return ctx.Err()
}

// wanted reports whether a package was named, or none.
func wanted(dir string, named []string) bool {
	for _, name := range named {
		if filepath.Clean(name) == dir {
			return true
		}
	}
	return len(named) == 0
}

// readKnown reads the identities of the breaks that nothing can notice. A line
// is an identity, a space, a hash sign and the reason.
func readKnown(path string) (map[string]bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	known := map[string]bool{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		id, reason, ok := strings.Cut(lines.Text(), " # ")
		switch {
		case strings.TrimSpace(lines.Text()) == "" || strings.HasPrefix(lines.Text(), "#"):
		case !ok || reason == "":
			return nil, fmt.Errorf("%s: %q has no reason", path, lines.Text())
		default:
			known[strings.TrimSpace(id)] = true
		}
	}
	return known, lines.Err()
}

// score counts what became of the breaks of one package.
type score struct {
	dir                  string
	noticed, equivalent  int
	survived             []mutant
	unusable, unfinished int
}

func (s *score) tried() int { return s.noticed + len(s.survived) }

func (s *score) add(m mutant, o outcome) {
	switch o {
	case noticed:
		s.noticed++
	case survived:
		s.survived = append(s.survived, m)
		fmt.Printf("  survived  %s\n            %s:%d  %s  →  %s\n", m.id(), m.file, m.line, m.before, m.after)
	case unusable:
		s.unusable++
	case unfinished:
		s.unfinished++
	}
}

func (s *score) percent() float64 {
	if s.tried() == 0 {
		return 100
	}
	return 100 * float64(s.noticed) / float64(s.tried())
}

func (s *score) print() {
	fmt.Printf("%-26s %3.0f %%  %d of %d noticed, %d equivalent, %d did not compile\n",
		s.dir, s.percent(), s.noticed, s.tried(), s.equivalent, s.unusable)
}
