package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const line = "4242 (a (b) c) S 17 4242 4242 0 -1 4194304 100 200 0 0 11 12 13 14 20 0 1 0 99"
	got, err := parseStat(line)
	if want := (stat{parent: 17, reaped: 270 * time.Millisecond}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []string{"", "1 (x) S 1 2", strings.Replace(line, " 13 ", " x ", 1)} {
		if got, err := parseStat(bad); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

func TestParseMachine(t *testing.T) {
	const text = "cpu  1 2 4 1000 2000 8 16 32 64 0\ncpu0 1 1 1 1 1 1 1 1\n"
	if got, err := parseMachine(text); err != nil || got != 63*tick {
		t.Errorf("got %v, %v; want %v", got, err, 63*tick)
	}
	for _, bad := range []string{"", "cpu 1 2 3", strings.Replace(text, "8", "x", 1)} {
		if got, err := parseMachine(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func TestUsageCountsChildren(t *testing.T) {
	s := &service{process: &os.Process{Pid: os.Getpid()}}
	spend := exec.Command("sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; read -r _")
	in, err := spend.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	before := mustUse(t, s)
	if err := spend.Start(); err != nil {
		t.Fatal(err)
	}
	for alive := before; alive.hashing < before.hashing+2*tick; alive = mustUse(t, s) {
	}
	in.Close()
	_ = spend.Wait() // its status is that of read
	if after := mustUse(t, s); after.hashing < before.hashing+tick {
		t.Errorf("CPU time of a child that ended is lost: %v, then %v", before.hashing, after.hashing)
	}
	if after := mustUse(t, s); after.service <= before.service || after.own < after.service {
		t.Errorf("own CPU time stands still: %+v, then %+v", before, after)
	}
}

func mustUse(t *testing.T, s *service) usage {
	t.Helper()
	u, err := s.usage()
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestSample(t *testing.T) {
	m := sample{wall: 2 * time.Second, service: 30 * time.Millisecond}
	g := &group{clients: []*client{{refused: 1}, {refused: 2}}}
	for i := range 100 {
		c := g.clients[i%2]
		c.latencies = append(c.latencies, time.Duration(100-i)*time.Millisecond)
	}
	m.collect(g)
	if m.rate() != 50 || m.refused != 3 || m.percentile(50) != 51 || m.percentile(99) != 100 || m.each(m.service) != 0.3 {
		t.Errorf("rate %v, refused %d, p50 %v, p99 %v, CPU %v", m.rate(), m.refused, m.percentile(50), m.percentile(99), m.each(m.service))
	}
	if nothing := (sample{wall: time.Second}); nothing.percentile(99) != 0 || nothing.each(time.Second) != 1000 {
		t.Error("nothing measured is not zero")
	}
}

func TestVerdicts(t *testing.T) {
	m := sample{wall: time.Second, service: 2 * time.Millisecond, hashing: 6 * time.Millisecond, latencies: make([]time.Duration, 10)}
	tests := map[string]struct {
		target
		want string
	}{
		"none":        {target{}, ""},
		"rate":        {target{rate: 10}, "≥ 10 ops/s: pass"},
		"slow":        {target{rate: 20}, "≥ 20 ops/s: MISS (0.50 of it)"},
		"CPU of both": {target{cpu: 0.4}, "≤ 0.40 ms CPU: MISS (2.00 of it)"},
		"beside":      {target{beside: 0.2}, "≤ 0.20 ms CPU beside the hash: pass"},
		"two":         {target{rate: 10, cpu: 0.8}, "≥ 10 ops/s: pass, ≤ 0.80 ms CPU: pass"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.judge(m); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	m.refused = 3
	if got := (target{}).judge(m); got != "3 told to wait" {
		t.Errorf("refusals are not told: %q", got)
	}
}
