package password_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/portaria/portaria/internal/password"
)

// BenchmarkHash compares a worker's hashes of the default cost, one after the
// other and on every processor, with hashes inside this process.
func BenchmarkHash(b *testing.B) {
	for name, o := range map[string]password.Options{"worker": {Worker: own()}, "here": {}} {
		for _, callers := range []int{1, runtime.NumCPU()} {
			b.Run(name+callersName(callers), func(b *testing.B) { hashes(b, newHasher(b, password.DefaultPolicy(), o), callers) })
		}
	}
}

func callersName(n int) string {
	if n == 1 {
		return "/one"
	}
	return "/each processor"
}

func hashes(b *testing.B, h *password.Hasher, callers int) {
	hash(b, h, "starts the worker")
	b.ResetTimer()
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			for n := i; n < b.N; n += callers {
				hash(b, h, "correct horse battery staple")
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "hashes/s")
}
