package feed

import "sync"

// Bell tells all who listen that there is another key set. The zero value is
// ready. It is safe for concurrent use.
type Bell struct {
	mu   sync.Mutex
	next chan struct{}
}

// Next is closed when the bell rings. Listen first, then look.
func (b *Bell) Next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}

// Ring is for when what was told of can be seen.
func (b *Bell) Ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}
