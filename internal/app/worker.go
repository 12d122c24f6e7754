package app

import "github.com/portaria/portaria/internal/password"

// HashWorker is the whole life of a process that the service started to hash
// passwords; ok is false in every other process. Call it first thing in main
// and exit with status.
func HashWorker(args []string) (status int, ok bool) {
	if len(args) != 2 || args[1] != password.WorkerArgument {
		return 0, false
	}
	return password.WorkerMain(), true
}

// hashWorker is the command line of such a process: this very program, also
// after its file was replaced by a newer one.
func hashWorker() []string { return []string{"/proc/self/exe", password.WorkerArgument} }
