//go:build !linux

package password

import (
	"errors"
	"os/exec"
)

// WorkerArgument is the argument by which a program tells that it was started
// as a worker; see [WorkerMain].
const WorkerArgument = "hash-worker"

// WorkerMain does nothing on this system: hashes are computed in the service.
func WorkerMain() int { return 1 }

// startLow needs priorities of single threads, which only Linux has.
func startLow(*exec.Cmd) error { return errors.ErrUnsupported }
