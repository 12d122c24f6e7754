// Package counting runs the guard of a process: it restores what was counted
// before the start, saves what is counted, shares it through Redis where one is
// set, and logs attacks as one line a minute.
package counting

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/portaria/portaria/internal/guard"
	"github.com/portaria/portaria/internal/store/redisstore"
)

const (
	// SaveEvery is how often budgets are saved: a crash loses the counts of this time.
	SaveEvery = 3 * time.Second
	// savedAtOnce bounds how many budgets one step saves, and restored how many a
	// start reads.
	savedAtOnce = 500
	restored    = 100_000
	// reportEvery is how often refused attempts are logged.
	reportEvery = time.Minute
	// lastSave bounds the saving when the process stops.
	lastSave = 5 * time.Second
)

// Options say what a guard counts with. All are required, except Redis.
type Options struct {
	Policy guard.Policy
	// Redis is the URL of the server that processes share; empty means none.
	Redis string
	// Key hides accounts and addresses in the names of budgets.
	Key   []byte
	Store guard.Store
	// Steady is a clock that does not jump.
	Steady func() time.Time
	Log    *slog.Logger
}

// Counting is a guard with its counters. Close it after the last attempt.
type Counting struct {
	*guard.Guard
	options Options
	memory  *guard.Memory
	redis   *redisstore.Store // nil without Redis
	// dropped is how many budgets were forgotten early at the last report.
	dropped int64
}

// Open restores the budgets of the last run. Errors: those of the store, of an
// address of Redis that cannot be read, and guard.ErrPolicy.
func Open(ctx context.Context, o Options) (*Counting, error) {
	c := &Counting{options: o, memory: guard.NewMemory(o.Steady)}
	saved, err := o.Store.Budgets(ctx, o.Steady(), restored)
	if err != nil {
		return nil, err
	}
	c.memory.Restore(saved)
	counters, err := c.counters()
	if err != nil {
		return nil, err
	}
	if c.Guard, err = guard.New(o.Policy, counters, o.Key, o.Steady); err != nil {
		c.closeRedis()
		return nil, fmt.Errorf("guard: %w", err)
	}
	return c, nil
}

// counters returns those in Redis where that is set, with those of this process
// for the time that Redis is away.
func (c *Counting) counters() (guard.Counters, error) {
	if c.options.Redis == "" {
		return c.memory, nil
	}
	shared, err := redisstore.Open(c.options.Redis, redisstore.Options{})
	if err != nil {
		return nil, err
	}
	c.redis = shared
	return &guard.Fallback{Shared: shared, Local: c.memory, Now: c.options.Steady, Changed: func(err error) {
		if err != nil {
			c.options.Log.Warn("Redis is away; this process counts failed attempts alone, with half the budgets", "error", err)
		} else {
			c.options.Log.Info("Redis is back; processes share budgets again")
		}
	}}, nil
}

// Save saves what changed since the last time, and returns when to save again.
func (c *Counting) Save(ctx context.Context) time.Duration {
	for {
		changed := c.memory.Changed(savedAtOnce)
		if len(changed) == 0 {
			return SaveEvery
		}
		if err := c.options.Store.SaveBudgets(ctx, changed, c.options.Steady()); err != nil {
			c.memory.Unsaved(changed)
			if ctx.Err() == nil {
				c.options.Log.ErrorContext(ctx, "save budgets of failed attempts", "error", err)
			}
			return SaveEvery
		}
	}
}

// Report logs an attack as one line, and returns when to report again.
func (c *Counting) Report(ctx context.Context) time.Duration {
	refused, total := c.Refusals(), 0
	args := make([]any, 0, 2*len(refused)+2)
	for budget, n := range refused {
		total += n
		args = append(args, budget, n)
	}
	log := c.options.Log
	if total > 0 {
		log.WarnContext(ctx, "attempts refused by the guard", append(args, "total", total)...)
	}
	high, changed := c.Pressure()
	switch {
	case high && changed:
		log.WarnContext(ctx, "many sign-ins fail at many accounts: somebody probably tries stolen passwords")
	case changed:
		log.InfoContext(ctx, "failed sign-ins are back to normal")
	}
	if n := c.memory.Dropped(); n > c.dropped {
		log.WarnContext(ctx, "budgets of failed attempts were forgotten early, because there are too many", "since_start", n)
		c.dropped = n
	}
	return reportEvery
}

// Close saves the rest and closes Redis. It does nothing for nil.
func (c *Counting) Close() {
	if c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastSave)
	defer cancel()
	c.Save(ctx)
	c.closeRedis()
}

func (c *Counting) closeRedis() {
	if c.redis != nil {
		c.redis.Close()
	}
}
