package feed

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/feed"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
)

// frames puts the revocation log into the form that followers see: with hashes
// instead of names.
type frames struct {
	issuer string
	salt   []byte
	proofs revoke.Proofs
}

func (f frames) rule(r rule.Rule) api.FeedRule {
	h := rule.Hash(f.salt, r.Kind, f.issuer, r.Value)
	return api.FeedRule{
		Seq:   r.Seq,
		Kind:  string(r.Kind),
		Hash:  base64.RawURLEncoding.EncodeToString(h[:]),
		At:    r.At.Unix(),
		Prune: r.Prune.Unix(),
		Mode:  string(r.Mode),
	}
}

// rules returns a batch as an event of the feed.
func (f frames) rules(b *revoke.Batch) []byte {
	out := api.FeedRules{From: b.From, To: b.To, Proof: f.proofs.Of(b.To), Rules: make([]api.FeedRule, len(b.Rules))}
	for i, r := range b.Rules {
		out.Rules[i] = f.rule(r)
	}
	data, err := json.Marshal(out)
	if err != nil {
		panic(err) // a struct of numbers and texts
	}
	return feed.Append(nil, api.FrameRules, b.To, data)
}

// lines returns a batch as a member of a snapshot. So a snapshot costs what has
// changed since the one before.
func (f frames) lines(b *revoke.Batch) []byte {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	for _, r := range b.Rules {
		_ = enc.Encode(f.rule(r)) // numbers and plain texts
	}
	return feed.Squeeze(text.Bytes())
}

// source is the log of this process as a [feed.Source].
type source struct{ *server }

// view is the log at one moment.
type view struct {
	*revoke.View
	frames frames
}

// Hello is the first frame of a stream and of a reset.
func (v view) Hello() api.FeedHello {
	epoch, _ := rule.Split(v.Head)
	return api.FeedHello{Epoch: epoch, Head: v.Head, Floor: v.Floor(), Salt: base64.RawURLEncoding.EncodeToString(v.frames.salt)}
}

// AsOf is always known: the log was read at the start.
func (s source) AsOf() (time.Time, bool) { return s.Log.AsOf(), true }

func (s source) Subscribe() (feed.View[*revoke.Batch], <-chan *revoke.Batch, func()) {
	log, sub := s.Log.Subscribe()
	return view{log, s.frames}, sub.Batches(), sub.Close
}

func (s source) Event(b *revoke.Batch) ([]byte, int64) { return b.Frame(s.frames.rules), b.To }

func (s source) KeySet() (tag string, set []byte) {
	published := s.Keys.Set(s.Gate.Now().UTC())
	return published.ETag, published.JSON
}

func (s source) Changed() <-chan struct{} { return s.Keys.Changed.Next() }

func (s source) Proof(position int64) string { return s.Origin.Proofs.Of(position) }

// Wall is IssuedBy in milliseconds, rounded up; 0 when nothing is proved.
func (s source) Wall(asOf time.Time) int64 {
	if s.Origin.IssuedBy == nil {
		return 0
	}
	return s.Origin.IssuedBy(asOf).UnixMilli() + 1
}

func (s source) Snapshot() (feed.Snapshot, bool) {
	asOf := s.Log.AsOf() // before the view
	log := view{s.Log.View(), s.frames}
	out := feed.Snapshot{Hello: log.Hello(), AsOf: asOf}
	for _, b := range log.Batches() {
		out.Members = append(out.Members, b.Lines(s.frames.lines))
	}
	return out, true
}
