package password_test

import (
	"errors"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/password"
)

// machine computes so many KiB × iterations in a millisecond.
func machine(speed float64, tried *int) func(password.Policy) (time.Duration, error) {
	return func(p password.Policy) (time.Duration, error) {
		*tried++
		work := float64(p.MemoryKiB) * float64(p.Iterations)
		return time.Duration(work / speed * float64(time.Millisecond)), nil
	}
}

func TestCalibrate(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		speed              float64
		latency            time.Duration
		most               uint32
		memory, iterations uint32
	}{
		"more memory":                   {2000, 200 * ms, 1 << 20, 199_680, 2},
		"the least memory":              {200, 200 * ms, 1 << 20, 19_456, 2},
		"memory is bounded":             {2000, 200 * ms, 65_536, 65_536, 6},
		"more iterations":               {2000, 200 * ms, password.MinMemoryKiB, 19_456, 20},
		"beyond what is ever computed":  {1e9, time.Hour, 1 << 20, 1 << 20, 4},
		"the bound is below the memory": {2000, 200 * ms, 1, 19_456, 20},
	} {
		tried := 0
		p, took, err := password.Calibrate(c.latency, c.most, machine(c.speed, &tried))
		if err != nil || p.MemoryKiB != c.memory || p.Iterations != c.iterations || took > c.latency || tried > 7 {
			t.Errorf("%s: %d KiB, %d iterations, %v, %v, tried %d", name, p.MemoryKiB, p.Iterations, took, err, tried)
		}
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	tried := 0
	if _, _, err := password.Calibrate(100*ms, 1<<20, machine(100, &tried)); !errors.Is(err, password.ErrSlow) {
		t.Errorf("a slow machine: %v", err)
	}
	broken := errors.New("broken")
	if _, _, err := password.Calibrate(100*ms, 1<<20, func(password.Policy) (time.Duration, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Errorf("a measurement that fails: %v", err)
	}
}

func TestMeasure(t *testing.T) {
	small, err := password.Measure(t.Context(), cheap())
	if err != nil || small <= 0 {
		t.Fatal(small, err)
	}
	large, err := password.Measure(t.Context(), password.DefaultPolicy())
	if err != nil || large <= small {
		t.Errorf("%v for the default, %v for the least; %v", large, small, err)
	}
}
