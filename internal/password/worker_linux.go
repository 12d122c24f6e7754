package password

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// WorkerArgument is the argument by which a program tells that it was started
// as a worker; see [WorkerMain].
const WorkerArgument = "hash-worker"

// lowest is nice(7)'s lowest priority. SCHED_IDLE would be lower still, but
// starves for as long as anything else on the machine computes.
const lowest = 19

// workerIdle is after how long without a hash a worker gives its memory back.
const workerIdle = 30 * time.Second

// WorkerMain is the whole life of a worker: hashes from standard input to
// standard output until the input ends. Call it first thing in main, before
// flags, files or goroutines, when the only argument is [WorkerArgument], and
// exit with its result.
func WorkerMain() int {
	// Ctrl-C and systemd signal the whole group; the service still needs
	// its workers to finish what is in flight. The end of input ends them,
	// however the service ended.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	jobs, err := pollable(os.Stdin)
	if err == nil {
		err = serveWorker(jobs, os.Stdout, workerIdle, cpuTime)
	}
	if err != nil {
		return 1
	}
	return 0
}

// pollable returns the pipe as a file whose reads wait in Go's poller. A
// blocking read would keep the only processor of this process (GOMAXPROCS=1)
// until the runtime takes it away, up to 10 ms later, and each hash would wait
// that long. O_NONBLOCK belongs to the pipe's read end, which no other process
// has open.
func pollable(pipe *os.File) (*os.File, error) {
	fd := pipe.Fd()
	if err := syscall.SetNonblock(int(fd), true); err != nil {
		return nil, fmt.Errorf("make standard input non-blocking: %w", err)
	}
	return os.NewFile(fd, pipe.Name()), nil
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails for no process that asks about itself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// startLow starts cmd from a thread that first lowers its own priority: so
// every thread of the new process is born low, without a race. A thread may
// never raise itself again, so it is not given back to Go: the goroutine ends
// locked, and its thread ends with it.
//
// No session and no parent-death signal for the child: priorities do not reach
// across sessions (sched_autogroup), and that signal is sent when this thread
// ends, not the process.
func startLow(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		if syscall.Gettid() == syscall.Getpid() {
			// The main thread cannot end, and would show the whole
			// service as low. While it is held here, the next try
			// gets another one.
			started <- startLow(cmd)
			runtime.UnlockOSThread()
			return
		}
		if err := syscall.Setpriority(syscall.PRIO_PROCESS, 0, lowest); err != nil {
			started <- fmt.Errorf("lower priority: %w", err)
			return
		}
		started <- cmd.Start()
	}()
	return <-started
}
