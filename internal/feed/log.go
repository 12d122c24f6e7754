package feed

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"sync"

	"github.com/portaria/portaria/api"
)

const (
	// MaxKept bounds the rules that a Log keeps to continue from. A follower that
	// lags more fetches a snapshot.
	MaxKept = 10_000
	// buffered is how many parts a follower may lag before its stream is ended.
	buffered = 128
)

// Part is a part of a Log. It is encoded once for all followers, and never changes.
type Part struct {
	from, to int64
	rules    int
	event    func() []byte // for streams and polls
	lines    func() []byte // for snapshots, compressed
}

func newPart(p api.FeedRules) *Part {
	return &Part{from: p.From, to: p.To, rules: len(p.Rules),
		event: sync.OnceValue(func() []byte {
			data, err := json.Marshal(p)
			if err != nil {
				panic(err) // a struct of numbers and texts
			}
			return Append(nil, api.FrameRules, p.To, data)
		}),
		lines: sync.OnceValue(func() []byte {
			var text bytes.Buffer
			for write, i := json.NewEncoder(&text), 0; i < len(p.Rules); i++ {
				_ = write.Encode(p.Rules[i]) // numbers and plain texts, to memory
			}
			return Squeeze(text.Bytes())
		})}
}

// Log is the end of a revocation log. It is safe for concurrent use.
type Log struct {
	mu      sync.Mutex
	hello   api.FeedHello
	parts   []*Part
	kept    int
	subs    map[chan *Part]struct{}
	keySet  []byte
	keyTag  string
	changes int64 // of the key set
	changed chan struct{}

	base snapshotBase // of snapshots
}

// logAt is a Log at one moment. It is a [View].
type logAt struct {
	hello api.FeedHello
	parts []*Part
}

// NewLog returns a log that begins at hello.Head.
func NewLog(hello api.FeedHello) *Log {
	l := &Log{changed: make(chan struct{}), subs: map[chan *Part]struct{}{}}
	l.Reset(hello)
	return l
}

// Reset begins anew at hello.Head: what came before is only in the snapshot.
// Streams send a reset.
func (l *Log) Reset(hello api.FeedHello) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hello, l.parts, l.kept = hello, nil, 0
	l.hello.Floor = hello.Head
	reset := l.hello
	l.offer(&Part{from: reset.Head, to: reset.Head, event: sync.OnceValue(func() []byte { return event(api.FrameReset, reset) })})
}

// offer gives a part to every stream. One that lags too much is dropped and
// reconnects; the others do not wait for it. The lock is held.
func (l *Log) offer(part *Part) {
	for sub := range l.subs {
		select {
		case sub <- part:
		default:
			l.drop(sub)
		}
	}
}

// Append adds what comes after the head.
func (l *Log) Append(rules api.FeedRules) {
	part := newPart(rules)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.parts, l.kept = append(l.parts, part), l.kept+part.rules+1
	l.hello.Head, l.hello.Epoch = part.to, part.to>>32
	for l.kept > MaxKept && len(l.parts) > 1 {
		l.kept -= l.parts[0].rules + 1
		l.parts = l.parts[1:]
	}
	l.hello.Floor = l.parts[0].from
	l.offer(part)
}

// SetKeySet changes the key set.
func (l *Log) SetKeySet(set []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Equal(set, l.keySet) {
		return
	}
	l.changes++
	l.keySet, l.keyTag = bytes.Clone(set), strconv.FormatInt(l.changes, 10)
	l.wake()
}

// Beat has every stream send at once how old it is.
func (l *Log) Beat() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wake()
}

func (l *Log) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// KeySet returns the key set and a tag that names it.
func (l *Log) KeySet() (tag string, set []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.keyTag, l.keySet
}

// Changed returns a channel that is closed at the next beat or change of keys.
func (l *Log) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

// Subscribe returns the log, and what comes after.
func (l *Log) Subscribe() (View[*Part], <-chan *Part, func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sub := make(chan *Part, buffered)
	l.subs[sub] = struct{}{}
	return l.at(), sub, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.drop(sub)
	}
}

// drop ends a subscription. The lock is held.
func (l *Log) drop(sub chan *Part) {
	if _, there := l.subs[sub]; there {
		delete(l.subs, sub)
		close(sub)
	}
}

// at returns the log as it is. The lock is held.
func (l *Log) at() logAt { return logAt{l.hello, slices.Clip(l.parts)} }

func (l *Log) now() logAt {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at()
}

// Event returns a part as an event, and the position that it leads to.
func (l *Log) Event(p *Part) ([]byte, int64) { return p.event(), p.to }

func (v logAt) Hello() api.FeedHello { return v.hello }

func (v logAt) first(after int64) int {
	return slices.IndexFunc(v.parts, func(p *Part) bool { return p.from >= after })
}

// Resumes is false for a position inside of a part, because parts are not cut.
func (v logAt) Resumes(after int64) bool {
	if after == v.hello.Head {
		return true
	}
	at := v.first(after)
	return after >= v.hello.Floor && at >= 0 && v.parts[at].from == after
}

func (v logAt) After(position int64) []*Part {
	if at := v.first(position); at >= 0 {
		return v.parts[at:]
	}
	return nil
}
