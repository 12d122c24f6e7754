package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/portaria/portaria/internal/app"
)

// TestMain makes this test binary the program under test, too: the stories and
// the crash test run it as portaria, and it starts itself again to hash
// passwords, just as the real one does.
func TestMain(m *testing.M) {
	if status, ok := app.HashWorker(os.Args); ok {
		os.Exit(status)
	}
	testscript.Main(m, map[string]func(){"portaria": main})
}
