// Command mutants breaks one line of the code at a time, on purpose, and looks
// whether a test fails. It prints the share of the breaks that were noticed, a
// line a package, and each break that was not.
//
// The breaks are chosen by a fixed seed, so two runs over the same code choose
// the same ones. No file is changed: the compiler is given an overlay. Breaks
// that change nothing that a test could see are listed, with the reason, in
// equivalent.txt beside this file.
//
// Tests that hang have noticed the break. Their limit is several times what the
// same tests need without a break, which the program measures first.
//
//	go run ./internal/mutants -n 12 ./internal/session ./internal/revoke
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

// measured is a package and the tests that hold it: its own first, then those
// of packages that use it.
type measured struct {
	dir string
	// parts are flags of go test that divide the package's own tests, the quick
	// part first. Without parts they run at once.
	parts []string
	users []string
}

// groups returns the arguments of go test for each group of tests, in order.
func (m measured) groups() []string {
	var groups []string
	for _, part := range m.parts {
		groups = append(groups, part+" ./"+m.dir)
	}
	if len(m.parts) == 0 {
		groups = append(groups, "./"+m.dir)
	}
	for _, user := range m.users {
		groups = append(groups, "./"+user)
	}
	return groups
}

// packages are those that are measured when none is named.
var packages = []measured{
	{dir: "internal/session", users: []string{"internal/signin", "internal/httpapi", "internal/app"}},
	{dir: "internal/revoke", users: []string{"internal/httpapi", "internal/app"}},
	{dir: "internal/revoke/fleet", users: []string{"internal/httpapi", "internal/app"}},
	{dir: "internal/feed", users: []string{"internal/httpapi/feed", "verify", "internal/httpapi", "internal/app"}},
	{dir: "verify", users: []string{"internal/app"}},
	{dir: "verify/internal/follow", users: []string{"verify", "internal/app"}},
	{dir: "verify/internal/keyset", users: []string{"verify", "internal/app"}},
	{dir: "verify/internal/payload", users: []string{"verify"}},
	{dir: "verify/internal/rules", users: []string{"verify"}},
	{dir: "verify/internal/upstream", users: []string{"verify"}},
	{dir: "verify/internal/view", users: []string{"verify", "internal/app"}},
	{dir: "internal/strictjson", users: []string{"internal/jose"}},
	{dir: "internal/jose", users: []string{"internal/token"}},
	{dir: "internal/keyring", users: []string{"internal/app"}},
	{dir: "internal/issue", users: []string{"internal/signin", "internal/httpapi", "internal/app"}},
	{dir: "internal/signin", users: []string{"internal/httpapi", "internal/app"}},
	{dir: "internal/clients", users: []string{"internal/httpapi", "internal/app"}},
	{dir: "internal/httpapi", users: []string{"internal/app"}},
	{dir: "internal/httpapi/access", users: []string{"internal/httpapi"}},
	{dir: "internal/httpapi/people", users: []string{"internal/httpapi"}},
	{dir: "internal/httpapi/oauth", users: []string{"internal/httpapi"}},
	{dir: "internal/httpapi/feed", users: []string{"internal/httpapi"}},
	{dir: "internal/httpapi/admin", users: []string{"internal/httpapi"}},
	{dir: "internal/store/sqlstore", parts: []string{"-skip=/PostgreSQL", "-run=/PostgreSQL"},
		users: []string{"internal/httpapi", "internal/app"}},
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
	floor := flag.Float64("floor", 0, "exit with an error when a package is below this share, in percent")
	verbose := flag.Bool("v", false, "print for each break that was noticed which test noticed it first")
	flag.Parse()
	known, err := readKnown(filepath.Join("internal", "mutants", "equivalent.txt"))
	if err != nil {
		return err
	}
	tests := bench{log: io.Discard, limits: map[string]time.Duration{}, run: goTest}
	if *verbose {
		tests.log = os.Stdout
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
			if s.tried() == *n {
				break
			}
			if known[b.id()] {
				s.equivalent++
				continue
			}
			became, err := tests.tryBreak(ctx, b, p.dir, p.groups())
			if err != nil {
				s.print()
				return err
			}
			if *verbose {
				fmt.Println("           ", b.id())
			}
			s.add(b, became)
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
	dir                           string
	noticed, equivalent, unusable int
	survived                      []mutant
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
