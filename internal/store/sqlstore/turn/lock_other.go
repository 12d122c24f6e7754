//go:build !unix || solaris || aix

package turn

import "os"

// lock does nothing: these systems have no flock.
func lock(*os.File) error { return nil }

func unlock(*os.File) {}
