package main

import (
	"context"
	"os"
	"runtime/debug"
	"time"
)

// growth is how much the heap may grow, in percent of the memory in use, before it is
// collected. Only a few megabytes are in use, so twice Go's default costs little, and
// saves a sixth of the CPU time of a token check.
const growth = 200

// quiet is the time without a collection after which unused memory of a burst is
// released. The runtime itself keeps it for minutes.
const quiet = 10 * time.Second

// tendMemory fits the garbage collector to a service that is small at rest,
// until ctx ends. An operator who sets GOGC knows better how much may grow.
func tendMemory(ctx context.Context) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(growth)
	}
	go memory{collections, debug.FreeOSMemory}.tidy(ctx)
}

// memory is what tidy needs of the runtime.
type memory struct {
	collections func() int64 // so far
	release     func()       // collects, and returns to the system what is free
}

func collections() int64 {
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	return stats.NumGC
}

// tidy releases memory once after every burst, until ctx ends.
func (m memory) tidy(ctx context.Context) {
	ticker := time.NewTicker(quiet)
	defer ticker.Stop()
	seen, tidied := m.collections(), int64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := m.collections()
		if now == seen && now != tidied {
			m.release()
			now = m.collections()
			tidied = now
		}
		seen = now
	}
}
