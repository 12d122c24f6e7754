//go:build unix && !solaris && !aix

package turn

import (
	"errors"
	"os"
	"syscall"
)

// lock returns errHeld while another process, or another Turn of this one,
// holds the turn.
func lock(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return errHeld
	}
	return err
}

func unlock(file *os.File) { _ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN) }
