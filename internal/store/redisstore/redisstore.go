// Package redisstore keeps in Redis what many processes share and may lose: the
// budgets of package guard. Valkey speaks the same protocol.
package redisstore

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/portaria/portaria/internal/guard"
)

// Options tunes a Store. The zero value is a good one.
type Options struct {
	// Timeout bounds one call (250 ms when zero): an attempt waits for it.
	Timeout time.Duration
	// Now, for tests, is used instead of the clock of the Redis server, which
	// all processes share.
	Now func() time.Time
}

const defaultTimeout = 250 * time.Millisecond

// prefix begins every key, so that others may use the same Redis. The braces
// keep all keys on one node of a cluster: a script touches several.
const prefix = "portaria:{guard}:"

// ErrURL reports a URL that rueidis cannot read.
var ErrURL = errors.New("redis URL must be redis://…, rediss://… or unix://…")

// Store are guard.Counters in Redis. It is safe for concurrent use.
type Store struct {
	client rueidis.Client
	opts   Options
}

var _ guard.Counters = (*Store)(nil)

// Open connects to the Redis server that the URL names. Its errors contain no
// part of the URL, which may hold a password.
func Open(url string, opts Options) (*Store, error) {
	config, err := rueidis.ParseURL(url)
	if err != nil {
		return nil, ErrURL
	}
	if opts.Timeout <= 0 {
		opts.Timeout = defaultTimeout
	}
	config.DisableCache = true
	config.ConnWriteTimeout = opts.Timeout
	client, err := rueidis.NewClient(config)
	if err != nil {
		return nil, fmt.Errorf("connect to Redis: %w", err)
	}
	return &Store{client, opts}, nil
}

// Close ends the connections.
func (s *Store) Close() { s.client.Close() }

// Ping returns nil when the server answers.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	return wrap("ping Redis", s.client.Do(ctx, s.client.B().Ping().Build()).Error())
}

//go:embed *.lua
var scripts embed.FS

var (
	take   = script("take.lua")
	refund = script("refund.lua")
	levels = script("levels.lua")
)

// script reads a script, with the rules that all of them share before it.
func script(name string) *rueidis.Lua {
	var text strings.Builder
	for _, file := range []string{"common.lua", name} {
		part, err := scripts.ReadFile(file)
		if err != nil {
			panic(err) // it is part of the program
		}
		text.Write(part)
	}
	return rueidis.NewLuaScript(text.String())
}

// run runs a script, in one round trip. Its keys are those of all budgets, and
// then those of all pairs (the budget's own where there is none).
func (s *Store) run(ctx context.Context, script *rueidis.Lua, charges []guard.Charge, args ...string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	keys := make([]string, 0, 2*len(charges))
	for _, c := range charges {
		keys = append(keys, prefix+c.Key)
	}
	for _, c := range charges {
		keys = append(keys, prefix+cmp.Or(c.Pair, c.Key))
	}
	now := ""
	if s.opts.Now != nil {
		now = strconv.FormatInt(s.opts.Now().UnixMicro(), 10)
	}
	args = append([]string{now}, args...)
	for _, c := range charges {
		args = append(args, strconv.Itoa(c.Limit.Burst), micros(c.Limit.Every), micros(c.Limit.First), micros(c.Limit.Most), strconv.Itoa(c.Challenge))
	}
	return script.Exec(ctx, s.client, keys, args).AsStrSlice()
}

func micros(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }

// Take implements [guard.Counters].
func (s *Store) Take(ctx context.Context, charges []guard.Charge, solved bool) (guard.Verdict, error) {
	flag := "0"
	if solved {
		flag = "1"
	}
	got, err := s.run(ctx, take, charges, flag)
	if err != nil {
		return guard.Verdict{}, wrap("count attempt in Redis", err)
	}
	// The index of the charge that refused, or -1; the wait in µs; then level and
	// "counted" of each charge.
	if len(got) != 2+2*len(charges) {
		return guard.Verdict{}, fmt.Errorf("count attempt in Redis: %d values instead of %d", len(got), 2+2*len(charges))
	}
	numbers, err := floats(got)
	if err != nil {
		return guard.Verdict{}, wrap("count attempt in Redis", err)
	}
	v := guard.Verdict{
		Refused: int(numbers[0]), Wait: time.Duration(numbers[1]) * time.Microsecond,
		Levels: make([]float64, len(charges)), Counted: make([]bool, len(charges)),
	}
	for i := range charges {
		v.Levels[i], v.Counted[i] = numbers[2+2*i], numbers[3+2*i] == 1
	}
	return v, nil
}

// Refund implements [guard.Counters].
func (s *Store) Refund(ctx context.Context, charges []guard.Charge) error {
	_, err := s.run(ctx, refund, charges)
	return wrap("give attempt back in Redis", err)
}

// Levels implements [guard.Counters].
func (s *Store) Levels(ctx context.Context, charges []guard.Charge) ([]float64, []time.Duration, error) {
	got, err := s.run(ctx, levels, charges)
	if err != nil {
		return nil, nil, wrap("read budgets in Redis", err)
	}
	numbers, err := floats(got)
	if err != nil || len(numbers) != 2*len(charges) {
		return nil, nil, fmt.Errorf("read budgets in Redis: %d values instead of %d: %w", len(got), 2*len(charges), err)
	}
	failed, waits := make([]float64, len(charges)), make([]time.Duration, len(charges))
	for i := range charges {
		failed[i], waits[i] = numbers[2*i], time.Duration(numbers[2*i+1])*time.Microsecond
	}
	return failed, waits, nil
}

// Clear implements [guard.Counters].
func (s *Store) Clear(ctx context.Context, keys []string) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	named := make([]string, len(keys))
	for i, key := range keys {
		named[i] = prefix + key
	}
	return wrap("clear budgets in Redis", s.client.Do(ctx, s.client.B().Del().Key(named...).Build()).Error())
}

func floats(texts []string) ([]float64, error) {
	numbers := make([]float64, len(texts))
	for i, text := range texts {
		n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			return nil, err
		}
		numbers[i] = n
	}
	return numbers, nil
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
