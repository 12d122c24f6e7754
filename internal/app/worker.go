package app

import "github.com/portaria/portaria/internal/password"

// HashWorker runs a process that the service started to hash passwords, and returns its exit
// status. In every other process ok is false. Call it first in main.
func HashWorker(args []string) (status int, ok bool) {
	if len(args) != 2 || args[1] != password.WorkerArgument {
		return 0, false
	}
	return password.WorkerMain(), true
}

// hashWorker returns the command line of a hash worker: this program, even after its file was
// replaced by a newer one.
func hashWorker() []string { return []string{"/proc/self/exe", password.WorkerArgument} }
