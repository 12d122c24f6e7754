package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// ledger knows what was revoked, and what every verifier was seen to make of
// it. It is the ground truth: a revocation counts from the moment its answer
// arrived, and only if it did.
type ledger struct {
	mu      sync.Mutex
	acked   map[int]ack
	seen    map[witness]sighting
	wrong   map[string]int
	faults  map[string]int
	good    int
	unsure  int // answers about good tokens that were 503
	open    int // revocations whose answer was lost
	latency []time.Duration
	beyond  []string
}

// ack is a revocation that was acknowledged.
type ack struct {
	at   int64
	kind string
	crew []*company
	// receipt is the answer, if there was one: by effectiveBy at the latest
	// nobody accepts the token, and after confirmed nobody did already.
	effectiveBy, confirmed int64
}

// witness is one verifier's view of one revocation.
type witness struct {
	watch    int
	company  string
	verifier int
}

func newLedger() *ledger {
	return &ledger{acked: map[int]ack{}, seen: map[witness]sighting{}, wrong: map[string]int{}, faults: map[string]int{}}
}

// hear notes what a verifier saw. One that was restarted sees things again.
func (l *ledger) hear(c *company, s sighting) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.good += s.Good
	l.unsure += s.Unavailable
	if s.Wrong != "" {
		l.wrong[s.Wrong]++
	}
	if s.Watch == 0 || s.Revoked == 0 {
		return
	}
	w := witness{s.Watch, c.name, s.Verifier}
	s.Accepted = max(s.Accepted, l.seen[w].Accepted)
	l.seen[w] = s
}

func (l *ledger) note(a ack, watch int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[watch] = a
}

func (l *ledger) lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open++
}

func (l *ledger) fault(kind string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults[kind]++
}

// missing lists the pairs of revocation and verifier that nobody has seen
// refused by its rule yet.
func (l *ledger) missing() (pairs int, missed []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for watch, a := range l.acked {
		for _, c := range a.crew {
			for v := range c.role.Verifiers {
				pairs++
				if _, ok := l.seen[witness{watch, c.name, v}]; !ok {
					missed = append(missed, fmt.Sprintf("%s %d by verifier %d of %s", a.kind, watch, v, c.name))
				}
			}
		}
	}
	slices.Sort(missed)
	return pairs, missed
}

// judge compares what was seen with what was promised.
func (l *ledger) judge() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latency, l.beyond = nil, nil
	for w, s := range l.seen {
		a, ok := l.acked[w.watch]
		if !ok {
			continue
		}
		late := max(0, time.Duration(s.Accepted-a.at))
		l.latency = append(l.latency, late)
		who := fmt.Sprintf("%s %d by verifier %d of %s", a.kind, w.watch, w.verifier, w.company)
		switch {
		case late > lease:
			l.beyond = append(l.beyond, fmt.Sprintf("%s accepted %v after it", who, late))
		case a.effectiveBy != 0 && s.Accepted > a.effectiveBy:
			l.beyond = append(l.beyond, who+" accepted after its receipt's effective_by")
		case a.confirmed != 0 && s.Accepted > a.confirmed:
			l.beyond = append(l.beyond, who+" accepted after all had confirmed")
		}
	}
	slices.Sort(l.latency)
	slices.Sort(l.beyond)
}

// verdict prints the result and returns what broke a promise.
func (l *ledger) verdict(out io.Writer) error {
	pairs, missed := l.missing()
	l.judge()
	l.mu.Lock()
	defer l.mu.Unlock()
	at := func(q int) time.Duration {
		if len(l.latency) == 0 {
			return 0
		}
		return l.latency[min(len(l.latency)-1, len(l.latency)*q/100)].Round(100 * time.Microsecond)
	}
	fmt.Fprintf(out, "revocations acknowledged × verifiers: %d (%d × %d each), answer lost: %d\n", pairs, len(l.acked), pairs/max(1, len(l.acked)), l.open)
	fmt.Fprintf(out, "missed: %d; accepted beyond the bound of %v: %d\n", len(missed), lease, len(l.beyond))
	fmt.Fprintf(out, "still accepted for: p50 %v, p90 %v, p99 %v, max %v\n", at(50), at(90), at(99), at(100))
	fmt.Fprintf(out, "good tokens: %d accepted, %d times 503, %d refused\n", l.good, l.unsure, total(l.wrong))
	fmt.Fprintf(out, "receipts: %d, of which %d were confirmed by all at once\n", l.receipts(), l.confirmations())
	fmt.Fprintf(out, "faults: %s\n", tallied(l.faults))
	var broken []string
	for _, list := range [][]string{missed, l.beyond} {
		broken = append(broken, list[:min(5, len(list))]...)
	}
	for text, n := range l.wrong {
		broken = append(broken, fmt.Sprintf("%d times: %s", n, text))
	}
	if len(broken) > 0 {
		return fmt.Errorf("promises were broken:\n%s", strings.Join(broken, "\n"))
	}
	return nil
}

// receipts counts the revocations that were answered with one.
func (l *ledger) receipts() (n int) {
	for _, a := range l.acked {
		if a.effectiveBy != 0 {
			n++
		}
	}
	return n
}

// confirmations counts the receipts in which nobody was pending.
func (l *ledger) confirmations() (n int) {
	for _, a := range l.acked {
		if a.confirmed != 0 {
			n++
		}
	}
	return n
}

func total(counts map[string]int) (n int) {
	for _, count := range counts {
		n += count
	}
	return n
}

func tallied(counts map[string]int) string {
	var parts []string
	for kind, n := range counts {
		parts = append(parts, fmt.Sprintf("%d %s", n, kind))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
