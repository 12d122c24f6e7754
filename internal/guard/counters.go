package guard

import (
	"context"
	"time"
)

// Charge is one attempt against one budget.
type Charge struct {
	// Key names the budget. It holds no personal data: see [Guard].
	Key   string
	Limit Limit
	// Challenge is the level from which a stranger must solve a challenge first;
	// zero for never. It is not asked for when Solved is set.
	Challenge int
	// Pair, if set, makes the charge count only once while the pair is
	// remembered, for example for each account that one address tries.
	Pair string
}

// Verdict is what became of an attempt.
type Verdict struct {
	// Refused is the index of the charge that refused the attempt; -1 if none did.
	Refused int
	// Wait is how long the refusing budget must rest; zero when a challenge would do.
	Wait time.Duration
	// Levels are those of each budget after the attempt, or as they are when it
	// was refused. A charge that did not count again has the level that it found.
	Levels []float64
	// Counted says of each charge whether it was counted, and so can be given back.
	Counted []bool
	// By are the counters that counted the attempt, and give it back; nil for
	// those that were asked.
	By Counters
}

// Counters keep the levels of budgets. All processes that share Counters share
// the budgets. Implementations: [Memory], and redisstore for many processes.
type Counters interface {
	// Take counts an attempt against all budgets, or against none when one of
	// them refuses. It is atomic: of many attempts at once, each sees those
	// before it. solved says that the attempt came with a solved challenge.
	Take(ctx context.Context, charges []Charge, solved bool) (Verdict, error)
	// Refund gives back one attempt that Take counted. Others stay counted.
	Refund(ctx context.Context, charges []Charge) error
	// Levels returns the present level of each budget and how long it must rest.
	Levels(ctx context.Context, charges []Charge) ([]float64, []time.Duration, error)
	// Clear forgets budgets, on an operator's request.
	Clear(ctx context.Context, keys []string) error
}
