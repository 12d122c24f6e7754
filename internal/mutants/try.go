package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// try runs the tests of one package after another on the broken code, until
// some fail.
func try(ctx context.Context, m mutant, dirs []string, limit time.Duration) outcome {
	overlay, done, err := overlayOf(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		return unfinished
	}
	defer done()
	for i, dir := range dirs {
		if i == 0 && !compiles(ctx, overlay, dir) {
			return unusable
		}
		passed := test(ctx, overlay, dir, limit)
		if ctx.Err() != nil {
			return unfinished
		}
		if !passed {
			return noticed
		}
	}
	return survived
}

// overlayOf writes the broken file where the compiler finds it in the place of
// the real one.
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

func compiles(ctx context.Context, overlay, dir string) bool {
	return command(ctx, "build", "-overlay", overlay, "./"+dir).Run() == nil
}

func test(ctx context.Context, overlay, dir string, limit time.Duration) bool {
	cmd := command(ctx, "test", "-overlay", overlay, "-vet=off", "-failfast", "-count=1", "-timeout", limit.String(), "./"+dir)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	return cmd.Run() == nil
}

func command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}
