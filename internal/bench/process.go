package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// usage is CPU time so far.
type usage struct {
	service, hashing, own time.Duration
	database              time.Duration // a PostgreSQL server that this program started
	machine               time.Duration // all processes
}

// usage reads what the kernel has counted. The hash workers are the service's
// child processes; those that have left are counted as well.
func (s *service) usage() (usage, error) {
	self, err := readStat(s.process.Pid)
	if err != nil {
		return usage{}, err
	}
	u := usage{service: cpuTime(s.process.Pid), hashing: self.reaped}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return usage{}, err
	}
	parents := map[int]int{}
	for _, name := range processes {
		pid, _ := strconv.Atoi(filepath.Base(name))
		// An error means that it has just ended: counted as reaped next time.
		if child, err := readStat(pid); err == nil {
			parents[pid] = child.parent
		}
	}
	for pid, parent := range parents {
		switch {
		case pid == s.process.Pid:
		case parent == s.process.Pid:
			u.hashing += cpuTime(pid)
		case descends(pid, os.Getpid(), parents):
			u.database += cpuTime(pid)
		}
	}
	u.own = cpuTime(os.Getpid())
	u.machine, err = machineTime()
	return u, err
}

// descends reports whether a process was started by another one, directly or not.
func descends(pid, from int, parents map[int]int) bool {
	for pid = parents[pid]; pid > 1; pid = parents[pid] {
		if pid == from {
			return true
		}
	}
	return false
}

// machineTime is how long all processors together were not idle.
func machineTime() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseMachine(string(text))
}

func parseMachine(text string) (time.Duration, error) {
	first, _, _ := strings.Cut(text, "\n")
	// "cpu", then user, nice, system, idle, iowait, irq, softirq, steal (proc(5)).
	fields := strings.Fields(first)
	const idle, iowait, steal = 4, 5, 8
	if len(fields) <= steal {
		return 0, errors.New("short stat of the machine")
	}
	var busy time.Duration
	for i := 1; i <= steal; i++ {
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			return 0, fmt.Errorf("read stat of the machine: %w", err)
		}
		if i != idle && i != iowait {
			busy += time.Duration(n) * tick
		}
	}
	return busy, nil
}

// cpuTime reads the clock that counts a process's CPU time, to the
// nanosecond: /proc counts hundredths of a second. It is 0 of a process that
// has ended.
func cpuTime(pid int) time.Duration {
	const scheduled = 2 // CPUCLOCK_SCHED, as clock_getcpuclockid(3) puts it together
	var spent unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &spent); err != nil {
		return 0
	}
	return time.Duration(spent.Nano())
}

// stat is the part of /proc/PID/stat that is of interest (proc(5)).
type stat struct {
	parent int
	reaped time.Duration // CPU time of children that have ended
}

// tick is the unit of /proc/PID/stat: USER_HZ is 100 on every architecture of
// Linux that Go knows.
const tick = 10 * time.Millisecond

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	return parseStat(string(text))
}

func parseStat(text string) (stat, error) {
	// The name, in parentheses, may itself hold spaces and parentheses.
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	const parent, reapedUser, reapedSystem = 1, 13, 14
	if len(fields) <= reapedSystem {
		return stat{}, errors.New("short stat of a process")
	}
	var errs []error
	number := func(i int) int {
		n, err := strconv.Atoi(fields[i])
		errs = append(errs, err)
		return n
	}
	s := stat{
		parent: number(parent),
		reaped: time.Duration(number(reapedUser)+number(reapedSystem)) * tick,
	}
	return s, errors.Join(errs...)
}

// resident is the memory of the service itself, in MB (10⁶ bytes): pages of
// its own, and those of its file that it has touched.
func (s *service) resident() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), "\nVmRSS:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0, errors.New("status of the service without VmRSS")
	}
	kib, err := strconv.Atoi(fields[0])
	return float64(kib) * 1024 / 1e6, err
}
