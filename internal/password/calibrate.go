package password

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrSlow says that even the least hash takes longer than asked for.
var ErrSlow = errors.New("machine is too slow for the least password hash")

// memoryStep is what proposed memory is a multiple of, in KiB.
const memoryStep = 1024

// Calibrate proposes a policy whose hashes take about as long as latency, and returns
// how long one takes. It uses as much memory as it may, and raises the iterations only
// then: memory is what makes guessing costly on other hardware (RFC 9106, section 4).
// duration measures a hash of a policy. Errors: ErrSlow, and those of duration.
func Calibrate(latency time.Duration, mostMemoryKiB uint32, duration func(Policy) (time.Duration, error)) (Policy, time.Duration, error) {
	p := DefaultPolicy()
	took, err := duration(p)
	if err != nil {
		return Policy{}, 0, err
	}
	if took > latency {
		return p, took, fmt.Errorf("%w: it takes %v", ErrSlow, took.Round(time.Millisecond))
	}
	for _, grow := range []func(*Policy, float64){
		func(p *Policy, times float64) {
			p.MemoryKiB = uint32(min(float64(p.MemoryKiB)*times, float64(mostMemoryKiB), maxMemoryKiB)) / memoryStep * memoryStep
		},
		func(p *Policy, times float64) {
			p.Iterations = uint32(min(float64(p.Iterations)*times, maxIterations, float64(maxWorkKiB/p.MemoryKiB)))
		},
	} {
		// The time grows a little faster than the work, so an estimate may be too much.
		for _, part := range []float64{1, 0.9, 0.8} {
			next := p
			grow(&next, float64(latency)/float64(took)*part)
			if next.params().work() <= p.params().work() || next.Validate() != nil {
				continue
			}
			t, err := duration(next)
			if err != nil {
				return Policy{}, 0, err
			}
			if t <= latency {
				p, took = next, t
				break
			}
		}
	}
	return p, took, nil
}

// longHash is the duration from which a hash is measured once: the unrest of the
// machine is little beside it.
const longHash = time.Second

// Measure returns how long a hash of a policy takes in this process: the middle of
// three, or the first one if it takes long.
func Measure(ctx context.Context, p Policy) (time.Duration, error) {
	h, err := New(p, Options{})
	if err != nil {
		return 0, err
	}
	defer h.Close()
	var took [3]time.Duration
	for i := range took {
		start := time.Now()
		if _, err := h.Hash(ctx, Plain{}); err != nil {
			return 0, err
		}
		if took[i] = time.Since(start); took[i] > longHash {
			return took[i], nil
		}
	}
	return max(min(took[0], took[1]), min(max(took[0], took[1]), took[2])), nil
}
