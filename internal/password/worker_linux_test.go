package password_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/portaria/portaria/internal/password"
)

func own() []string { return []string{"/proc/self/exe", password.WorkerArgument} }

// mustWork reports every reason for which a worker was not used as a failure.
func mustWork(t *testing.T) password.Options {
	return password.Options{Worker: own(), Report: func(err error) { t.Error(err) }}
}

func TestWorkerAnswersAsTheProcessItself(t *testing.T) {
	here, there := newHasher(t, cheap(), password.Options{}), newHasher(t, cheap(), mustWork(t))
	for _, pw := range []string{"", "correct horse", strings.Repeat("😀", 256)} {
		if _, err := here.Verify(t.Context(), typed(t, pw), hash(t, there, pw)); err != nil {
			t.Errorf("worker's hash of %d bytes: %v", len(pw), err)
		}
		if _, err := there.Verify(t.Context(), typed(t, pw), hash(t, here, pw)); err != nil {
			t.Errorf("own hash of %d bytes in the worker: %v", len(pw), err)
		}
	}
	for _, phc := range known {
		if _, err := there.Verify(t.Context(), typed(t, "password"), phc); err != nil {
			t.Errorf("%s: %v", phc, err)
		}
	}
	for _, f := range foreignHashes(t) {
		for _, wrap := range []password.Wrap{password.WrapNone, password.WrapAll} {
			if _, err := there.Verify(t.Context(), typed(t, f.password), accept(t, there, f.source, wrap)); err != nil {
				t.Errorf("%s, wrap %s: %v", f.scheme, wrap, err)
			}
		}
	}
	if err := there.Decoy(t.Context(), typed(t, "password")); !errors.Is(err, password.ErrMismatch) {
		t.Errorf("decoy: %v", err)
	}
}

func TestWorkerHasLowestPriorityAndNoEnvironment(t *testing.T) {
	t.Setenv("PORTARIA_TEST_SECRET", "must not be inherited")
	before := children(t)
	h := newHasher(t, cheap(), mustWork(t))
	if len(children(t)) != len(before) {
		t.Error("a worker was started before it was needed")
	}
	hash(t, h, "correct horse")
	pid := newChild(t, before)

	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil || string(env) != "GOMAXPROCS=1\x00" {
		t.Errorf("environment %q, error %v", env, err)
	}
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("threads: %v, %v", tasks, err)
	}
	for _, task := range tasks {
		if nice := field(t, task, 19); nice != "19" {
			t.Errorf("%s: nice %s", task, nice)
		}
	}
}

// A blocking read would keep the worker's only processor while the next hash
// waits for it: 48 hashes a second instead of 85.
func TestWorkerReadsThroughThePoller(t *testing.T) {
	before := children(t)
	h := newHasher(t, cheap(), mustWork(t))
	hash(t, h, "correct horse")
	pid := newChild(t, before)
	infos, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range infos {
		// An epoll descriptor has a line "tfd: N …" for each descriptor it watches.
		info, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(info)) {
			if words := strings.Fields(line); len(words) > 1 && words[0] == "tfd:" && words[1] == "0" {
				return
			}
		}
	}
	t.Error("no poller watches the worker's standard input")
}

// The main thread's priority is what ps and top show for a process.
func TestStartingWorkersLeavesTheMainThreadAlone(t *testing.T) {
	for range 20 { // Go chooses the thread
		h := newHasher(t, cheap(), mustWork(t))
		hash(t, h, "correct horse")
		h.Close()
	}
	if nice := field(t, "/proc/self/stat", 19); nice != "0" {
		t.Errorf("this process has nice %s", nice)
	}
}

func TestKilledWorkerIsReplaced(t *testing.T) {
	before := children(t)
	h := newHasher(t, cheap(), mustWork(t))
	for range 3 {
		hash(t, h, "correct horse")
		if err := syscall.Kill(newChild(t, before), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	hash(t, h, "correct horse")
}

func TestWorkerOutlivesCtrlC(t *testing.T) {
	before := children(t)
	h := newHasher(t, cheap(), mustWork(t))
	hash(t, h, "correct horse")
	pid := newChild(t, before)
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if err := syscall.Kill(pid, s); err != nil {
			t.Fatal(err)
		}
	}
	hash(t, h, "correct horse")
	if again := newChild(t, before); again != pid {
		t.Errorf("worker %d was replaced by %d", pid, again)
	}
}

func TestCloseEndsTheWorkers(t *testing.T) {
	before := children(t)
	h := newHasher(t, cheap(), mustWork(t))
	hash(t, h, "correct horse")
	newChild(t, before)
	h.Close()
	if after := children(t); len(after) != len(before) {
		t.Errorf("children before %v, after %v", before, after)
	}
}

func TestUnusableWorkerLosesNoLogin(t *testing.T) {
	for name, command := range map[string][]string{
		"missing":          {"/does/not/exist"},
		"leaves at once":   {"/bin/true"},
		"answers nonsense": {"/bin/echo", "short"},
	} {
		var reports int
		h := newHasher(t, cheap(), password.Options{Worker: command, Report: func(error) { reports++ }})
		if _, err := h.Verify(t.Context(), typed(t, "password"), known[0]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if reports != 1 {
			t.Errorf("%s: reported %d times", name, reports)
		}
	}
}

func children(t *testing.T) map[int]bool {
	t.Helper()
	out := map[int]bool{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stats {
		if b, err := os.ReadFile(s); err == nil && after(b, 4) == strconv.Itoa(os.Getpid()) && after(b, 3) != "Z" {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(s)))
			out[pid] = true
		}
	}
	return out
}

func newChild(t *testing.T, before map[int]bool) int {
	t.Helper()
	for pid := range children(t) {
		if !before[pid] {
			return pid
		}
	}
	t.Fatal("no worker")
	return 0
}

func field(t *testing.T, path string, n int) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return after(b, n)
}

// after is field n (from 3) of proc(5)'s stat: the name before may hold spaces.
func after(stat []byte, n int) string {
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.Fields(rest)[n-3]
}
