package feed

import (
	"bytes"
	"encoding/json"
	"sync"

	"github.com/portaria/portaria/api"
)

// MaxKept bounds the rules that a Log keeps to go on from; whoever is further
// behind fetches a snapshot.
const MaxKept = 10_000

// Log is the end of a revocation log. Safe for concurrent use.
type Log struct {
	mu      sync.Mutex
	hello   api.FeedHello
	parts   []api.FeedRules
	kept    int
	keySet  json.RawMessage
	changed chan struct{}
}

// NewLog returns a log that begins at a place.
func NewLog(hello api.FeedHello) *Log {
	l := &Log{changed: make(chan struct{})}
	l.Reset(hello)
	return l
}

// Reset begins anew at hello.Head: what came before is only in the snapshot.
func (l *Log) Reset(hello api.FeedHello) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hello, l.parts, l.kept = hello, nil, 0
	l.hello.Floor = hello.Head
	l.wake()
}

// Append adds what comes after the head.
func (l *Log) Append(part api.FeedRules) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.parts, l.kept = append(l.parts, part), l.kept+len(part.Rules)+1
	l.hello.Head, l.hello.Epoch = part.To, part.To>>32
	for l.kept > MaxKept && len(l.parts) > 1 {
		l.kept -= len(l.parts[0].Rules) + 1
		l.parts = l.parts[1:]
	}
	l.hello.Floor = l.parts[0].From
	l.wake()
}

// SetKeySet changes the key set.
func (l *Log) SetKeySet(set []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keySet = bytes.Clone(set)
	l.wake()
}

// Beat makes every stream say at once how old it is.
func (l *Log) Beat() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wake()
}

func (l *Log) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// news is what there is after a place.
type news struct {
	hello   api.FeedHello
	reset   bool // the place is not one to go on from
	parts   []api.FeedRules
	keySet  json.RawMessage
	changed <-chan struct{} // closed when there is more
}

func (l *Log) since(after int64) news {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := news{hello: l.hello, keySet: l.keySet, changed: l.changed}
	n.reset = after < l.hello.Floor || after > l.hello.Head
	for i := range l.parts {
		if !n.reset && l.parts[i].From >= after {
			n.parts = l.parts[i:len(l.parts):len(l.parts)]
			break
		}
		if !n.reset && l.parts[i].To > after { // inside of a part
			n.reset = true
		}
	}
	return n
}
