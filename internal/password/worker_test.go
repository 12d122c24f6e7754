package password_test

import (
	"bytes"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/internal/password"
)

func TestHashesMakeRoomWhenKeptWaiting(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct{ wall, cpu, pause time.Duration }{
		{20 * ms, 20 * ms, 0},
		{25 * ms, 20 * ms, 0}, // ordinary unrest
		{19 * ms, 20 * ms, 0}, // the clocks differ
		{40 * ms, 20 * ms, 80 * ms},
		{70 * ms, 20 * ms, 200 * ms},
		{time.Hour, 20 * ms, 500 * ms}, // logins go on, however full the machine
	} {
		if got := password.Rest(password.Kept(c.wall, c.cpu)); got != c.pause {
			t.Errorf("%v of %v on a processor: pause %v, want %v", c.cpu, c.wall, got, c.pause)
		}
	}
}

func TestWorkerLeavesWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, jobs := io.Pipe()
		start := time.Now()
		if err := password.ServeWorker(in, io.Discard, time.Minute); err != nil {
			t.Error(err)
		}
		if alive := time.Since(start); alive != time.Minute {
			t.Errorf("left after %v", alive)
		}
		jobs.Close()
	})
}

func TestWorkerEndsWithItsInput(t *testing.T) {
	if err := password.ServeWorker(bytes.NewReader(nil), io.Discard, time.Hour); err != nil {
		t.Error(err)
	}
}

// The pipe is no way around the bounds.
func TestWorkerRefusesAbsurdJobs(t *testing.T) {
	job := func(memory, size byte) []byte {
		return []byte{memory, 0, 0, 8, 0, 0, 0, 1, 1, size, 0, 0, 0, 0, 0}
	}
	var out bytes.Buffer
	if err := password.ServeWorker(bytes.NewReader(job(0, 32)), &out, time.Hour); err != nil || out.Len() != 8+32 {
		t.Fatalf("honest job: %v, %d bytes", err, out.Len())
	}
	out.Reset()
	for name, b := range map[string][]byte{
		"2 TiB":    job(0x80, 32),
		"no tag":   job(0, 0),
		"cut off":  job(0, 32)[:7],
		"nonsense": bytes.Repeat([]byte("x"), 100),
	} {
		if err := password.ServeWorker(bytes.NewReader(b), &out, time.Hour); err == nil || out.Len() > 0 {
			t.Errorf("%s: error %v, %d bytes of answer", name, err, out.Len())
		}
	}
}
