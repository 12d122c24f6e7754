package view

import (
	"crypto/sha256"
	"maps"
	"sync"
	"sync/atomic"
)

// MaxDenied bounds the tokens that introspection has called inactive while the
// view was too old.
const MaxDenied = 1 << 16

// denials are the tokens that introspection has called inactive, and when. Each
// stays until the view is newer than that: the rule, if there must be one, is
// then known.
type denials struct {
	count atomic.Int64 // len(at), for readers that need no lock while it is 0

	mu sync.Mutex
	at map[[sha256.Size]byte]int64 // see View.Mono
}

// Deny notes that introspection has called a token inactive just now.
func (v *View) Deny(t Token) {
	now, d := v.Mono(v.config.Now()), &v.denied
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at == nil {
		d.at = map[[sha256.Size]byte]int64{}
	}
	d.at[t.Identity()] = now
	d.count.Store(int64(len(d.at)))
}

// Denied returns how many tokens are noted as inactive.
func (v *View) Denied() int { return int(v.denied.count.Load()) }

// holds reports whether a token was called inactive and the view is not newer
// than that.
func (d *denials) holds(t Token, at *asOf) bool {
	if d.count.Load() == 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	denied, ok := d.at[t.Identity()]
	return ok && (at == nil || at.doubted || at.mono <= denied)
}

// drop forgets what was noted before the moment as of which the view is.
func (d *denials) drop(asOf int64) {
	if d.count.Load() == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.at, func(_ [sha256.Size]byte, denied int64) bool { return denied < asOf })
	d.count.Store(int64(len(d.at)))
}
