package fleet

import "strings"

// Span is a part of the log: every position after From up to To. The zero Span has
// none.
type Span struct{ From, To int64 }

// Has reports whether a position lies in the span.
func (s Span) Has(seq int64) bool { return s.From < seq && seq <= s.To }

func (s Span) empty() bool { return s.To <= s.From }

// Join returns the span of both when they touch, and otherwise the one that
// reaches further: what lies between was in neither.
func (s Span) Join(other Span) Span {
	switch {
	case s.empty():
		return other
	case other.empty():
		return s
	case s.From <= other.To && other.From <= s.To:
		return Span{min(s.From, other.From), max(s.To, other.To)}
	case s.To > other.To:
		return s
	}
	return other
}

// Sent takes note of what was sent to a verifier: receipts count nothing else as
// confirmed, whatever it says. It is written down within a second.
func (f *Fleet) Sent(client, id string, part Span) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := verifierName{client, id}
	v, known := f.heard[name]
	if !known || id == "" {
		return
	}
	if joined := v.Sent.Join(part); joined != v.Sent {
		v.Sent = joined
		f.heard[name] = v
		f.unsent[name] = true
	}
}

// has reports whether a rule was sent to a verifier, by this service or by the
// relay that it follows: a relay has nothing that it was not sent.
func has(all map[verifierName]Verifier, v Verifier, seq int64) bool {
	if v.Sent.Has(seq) {
		return true
	}
	relay, _, behind := strings.Cut(v.ID, "/")
	return behind && all[verifierName{v.Client, relay}].Sent.Has(seq)
}
