// Command bench measures the real service over loopback and prints one table,
// each figure beside its target. It shares the machine with the service, so it
// says how much of it it took for itself.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

func main() {
	short := flag.Bool("short", false, "measure for a moment only, to see whether all works")
	only := flag.String("only", "", "measure only what has this in its name")
	binary := flag.String("binary", "", "measure this binary of the service instead of building one, to compare two versions")
	flag.Parse()
	if err := run(*short, *only, *binary); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(short bool, only, binary string) (err error) {
	folder, err := os.MkdirTemp("", "portaria-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if binary == "" {
		if binary, err = build(folder); err != nil {
			return err
		}
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return fmt.Errorf("find binary: %w", err)
	}
	b := &bench{binary: binary, folder: folder, length: 3 * time.Second, rest: 25 * time.Second, only: only, out: os.Stdout}
	if short {
		b.length, b.rest = 300*time.Millisecond, time.Second
	}
	fmt.Printf("%s, %d processors, %v a row; the clients run on the same machine.\n"+
		"Others: what all other processes took of all processors; a busy machine makes every figure worse.\n\n", runtime.Version(), runtime.NumCPU(), b.length)
	return errors.Join(b.run(), b.tokens(short), b.revocation(short))
}

// newFolder is where one service keeps its files.
func (b *bench) newFolder(name string) (string, error) {
	path := filepath.Join(b.folder, name)
	return path, os.Mkdir(path, 0o700)
}
