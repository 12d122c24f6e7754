package main

import (
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/portaria/portaria/internal/app"
)

// fullDisk names the variable that has this test binary take a full disk as an
// error of the write, which it is, instead of dying of the signal that comes
// with the limit the test plays it with.
const fullDisk = "FULL_DISK_TEST"

// TestMain makes this test binary the program under test, too: the stories and
// the crash test run it as portaria, and it starts itself again to hash
// passwords, just as the real one does.
func TestMain(m *testing.M) {
	if status, ok := app.HashWorker(os.Args); ok {
		os.Exit(status)
	}
	if os.Getenv(fullDisk) != "" {
		signal.Ignore(syscall.SIGXFSZ)
	}
	testscript.Main(m, map[string]func(){"portaria": main})
}
