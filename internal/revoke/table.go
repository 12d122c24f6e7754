package revoke

import (
	"errors"
	"sync"
	"time"

	"github.com/portaria/portaria/internal/revoke/rule"
)

// Why a token is refused.
var (
	// ErrRevoked says that what the token stood for is over.
	ErrRevoked = errors.New("token revoked")
	// ErrSuperseded says that the token no longer says the truth: a refresh
	// gives one that does.
	ErrSuperseded = errors.New("token superseded")
)

// Claims are what rules are looked up with: a token's, and the key that signed
// it. Empty ones match nothing.
type Claims struct {
	ID, Session, Account, Client, Key, Issuer string
	// Root is the session that Session came from; empty for none.
	Root string
	// Revision is the head of the log when the token was minted.
	Revision int64
}

// name is what a rule is about.
type name struct {
	kind  rule.Kind
	value string
}

// names are everything that a rule could be about which refuses the token.
func (c Claims) names() [8]name {
	list := [8]name{{rule.Token, c.ID}, {rule.Session, c.Session}, {rule.Session, c.Root}, {rule.Account, c.Account},
		{rule.Client, c.Client}, {}, {rule.Key, c.Key}, {rule.Issuer, c.Issuer}}
	if c.Account != "" && c.Client != "" {
		list[5] = name{rule.AccountAtClient, rule.Pair(c.Account, c.Client)}
	}
	return list
}

// cutoff is where the latest rule about something stands, of each mode.
type cutoff struct{ hard, soft int64 }

// Table returns whether a token is revoked. The issuer has it in plain words;
// verifiers have the same with hashes. It is safe for concurrent use.
type Table struct {
	mu   sync.RWMutex
	cuts map[name]cutoff
}

// add takes rules in; order and repetition do not matter.
func (t *Table) add(rules []rule.Rule) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range rules {
		key := name{r.Kind, r.Value}
		c := t.cuts[key]
		if r.Mode == rule.Soft {
			c.soft = max(c.soft, r.Seq)
		} else {
			c.hard = max(c.hard, r.Seq)
		}
		t.cuts[key] = c
	}
}

// replace forgets everything that is not in a view.
func (t *Table) replace(v *View) {
	fresh := Table{cuts: make(map[name]cutoff, v.Len())}
	for r := range v.All {
		fresh.add([]rule.Rule{r})
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cuts = fresh.cuts
}

// Check reports whether a rule refuses the token, and what its holder can do.
func (t *Table) Check(c Claims) (rule.Mode, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var refused rule.Mode
	for _, n := range c.names() {
		if n.value == "" {
			continue
		}
		cut, ok := t.cuts[n]
		// A compromised key has no good tokens, however late they were minted.
		if ok && (n.kind == rule.Key || cut.hard > c.Revision) {
			return rule.Hard, true
		}
		if cut.soft > c.Revision {
			refused = rule.Soft
		}
	}
	return refused, refused != ""
}

// live tells the rules that can still refuse a token.
func live(now time.Time) func(rule.Rule) bool {
	return func(r rule.Rule) bool { return r.Prune.After(now) }
}
