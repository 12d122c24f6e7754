package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// outcome is what became of one break.
type outcome int

const (
	unfinished outcome = iota // the run was interrupted
	noticed
	survived
	unusable // it does not compile
)

// bench runs tests. Before it runs tests on broken code for the first time, it
// runs the same tests on the code as it is.
type bench struct {
	log    io.Writer                // gets the complaint of each test that noticed a break
	limits map[string]time.Duration // by tests
	// run runs tests with an overlay, which may be empty. It returns the output
	// and whether all tests passed within the limit.
	run func(ctx context.Context, overlay, tests string, limit time.Duration) (output string, passed bool)
}

// unbrokenLimit is the limit for tests whose duration is not known yet.
const unbrokenLimit = 20 * time.Minute

// limit returns how long tests may run on broken code. It is several times what
// they need on the code as it is: only a break that makes them hang reaches it.
// Tests that fail without a break notice nothing, so they are an error.
func (b *bench) limit(ctx context.Context, tests string) (time.Duration, error) {
	if known, ok := b.limits[tests]; ok {
		return known, nil
	}
	begun := time.Now()
	if output, passed := b.run(ctx, "", tests, unbrokenLimit); !passed {
		return 0, fmt.Errorf("go test %s fails without a break:\n%s", tests, output)
	}
	b.limits[tests] = time.Minute + 3*time.Since(begun)
	return b.limits[tests], nil
}

// try runs one group of tests after another on the broken code, until some fail.
func (b *bench) try(ctx context.Context, overlay string, groups []string) (outcome, error) {
	for _, tests := range groups {
		limit, err := b.limit(ctx, tests)
		if err != nil {
			return unfinished, err
		}
		output, passed := b.run(ctx, overlay, tests, limit)
		if ctx.Err() != nil {
			return unfinished, ctx.Err()
		}
		if !passed {
			fmt.Fprintln(b.log, "  noticed  ", complaint(output))
			return noticed, nil
		}
	}
	return survived, nil
}

// tryBreak returns what becomes of a break of the package in dir.
func (b *bench) tryBreak(ctx context.Context, m mutant, dir string, groups []string) (outcome, error) {
	overlay, done, err := overlayOf(m)
	if err != nil {
		return unfinished, err
	}
	defer done()
	if command(ctx, "build", "-overlay", overlay, "./"+dir).Run() != nil {
		return unusable, ctx.Err()
	}
	return b.try(ctx, overlay, groups)
}

// complaint returns the line of the output that says what failed.
func complaint(output string) string {
	for line := range strings.Lines(output) {
		if strings.HasPrefix(line, "--- FAIL") || strings.HasPrefix(line, "panic:") {
			return strings.TrimSpace(line)
		}
	}
	return "no test was named"
}

// overlayOf writes the broken file where the compiler finds it instead of the real
// one.
func overlayOf(m mutant) (path string, done func(), err error) {
	dir, err := os.MkdirTemp("", "portaria-mutant-")
	if err != nil {
		return "", nil, err
	}
	done = func() { os.RemoveAll(dir) }
	broken, overlay := filepath.Join(dir, "broken.go"), filepath.Join(dir, "overlay.json")
	absolute, err := filepath.Abs(m.file)
	if err != nil {
		done()
		return "", nil, err
	}
	listed, err := json.Marshal(map[string]any{"Replace": map[string]string{absolute: broken}})
	if err == nil {
		err = os.WriteFile(broken, m.source, 0o600)
	}
	if err == nil {
		err = os.WriteFile(overlay, listed, 0o600)
	}
	if err != nil {
		done()
	}
	return overlay, done, err
}

// goTest runs tests, which are arguments of go test.
func goTest(ctx context.Context, overlay, tests string, limit time.Duration) (output string, passed bool) {
	args := []string{"test", "-vet=off", "-failfast", "-count=1", "-timeout", limit.String()}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := command(ctx, append(args, strings.Fields(tests)...)...)
	var written bytes.Buffer
	cmd.Stdout, cmd.Stderr = &written, &written
	err := cmd.Run()
	return written.String(), err == nil
}

func command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}
