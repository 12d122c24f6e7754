package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/password"
)

type passwordCommand struct {
	Calibrate passwordCalibrate `cmd:"" effect:"reads" help:"Propose the cost of password hashes for this machine."`
}

type passwordCalibrate struct {
	Latency string `help:"How long one hash may take." default:"250ms" placeholder:"DURATION"`
	Memory  uint32 `help:"Most memory of one hash, in KiB." default:"65536" placeholder:"KIB"`
}

// Help describes the command further.
func (passwordCalibrate) Help() string {
	return `Run it on the machine that will run the service, while the machine is idle. argon2_concurrency hashes are computed at the same
time, so the service needs that many times the memory. After a change, each next sign-in hashes the password anew.`
}

// calibrated is the proposal, also for programs.
type calibrated struct {
	MemoryKiB   uint32 `json:"argon2_memory"`
	Iterations  uint32 `json:"argon2_iterations"`
	Parallelism uint8  `json:"argon2_parallelism"`
	Duration    string `json:"duration"`
}

// Run measures hashes and prints settings.
func (p passwordCalibrate) Run(c *cli.Call) error {
	latency, err := config.ParseDuration(p.Latency)
	if err != nil || latency <= 0 || latency > time.Minute {
		return cli.Misuse("--latency must be a duration of at most 60s, such as 250ms")
	}
	proposed, took, err := password.Calibrate(latency, p.Memory, func(p password.Policy) (time.Duration, error) { return password.Measure(c, p) })
	if errors.Is(err, password.ErrSlow) {
		return fmt.Errorf("%w; keep the defaults, or allow more with --latency", err)
	}
	if err != nil {
		return err
	}
	took = took.Round(time.Millisecond)
	return c.Say(calibrated{proposed.MemoryKiB, proposed.Iterations, proposed.Parallelism, took.String()},
		"# one hash takes %v here\nargon2_memory: %d\nargon2_iterations: %d\nargon2_parallelism: %d", took, proposed.MemoryKiB, proposed.Iterations, proposed.Parallelism)
}
