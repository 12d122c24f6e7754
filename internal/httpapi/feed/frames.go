package feed

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
)

// frames puts the revocation log into the form that followers see: with hashes
// in place of names.
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

// rules is a batch as an event of the feed.
func (f frames) rules(b *revoke.Batch) []byte {
	out := api.FeedRules{From: b.From, To: b.To, Proof: f.proofs.Of(b.To), Rules: make([]api.FeedRule, len(b.Rules))}
	for i, r := range b.Rules {
		out.Rules[i] = f.rule(r)
	}
	return frame(api.FrameRules, b.To, out)
}

// lines is a batch as a part of a snapshot: a member of a gzip file, which may
// have many (RFC 1952 §2.2). So a snapshot costs what has changed since the one
// before.
func (f frames) lines(b *revoke.Batch) []byte {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	for _, r := range b.Rules {
		_ = enc.Encode(f.rule(r)) // numbers and plain texts
	}
	return squeeze(text.Bytes())
}

// squeeze makes one member of a gzip file.
func squeeze(text []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed) // a level that exists
	_, _ = w.Write(text)                              // to memory
	_ = w.Close()
	return out.Bytes()
}

// hello is the first word of a feed and of a reset.
func (f frames) hello(v *revoke.View) api.FeedHello {
	epoch, _ := rule.Split(v.Head)
	return api.FeedHello{Epoch: epoch, Head: v.Head, Floor: v.Floor(), Salt: base64.RawURLEncoding.EncodeToString(f.salt)}
}

// heartbeat says that everything up to head is told, as the store was asOf.
func (f *server) heartbeat(head int64, asOf, accepted time.Time) api.FeedHeartbeat {
	return api.FeedHeartbeat{Head: head, Proof: f.frames.proofs.Of(head), Age: milliseconds(asOf.Sub(accepted)), Wall: f.wall(asOf)}
}

// wall is what IssuedBy says in milliseconds, rounded up; 0 for nothing.
func (f *server) wall(asOf time.Time) int64 {
	if f.Origin.IssuedBy == nil {
		return 0
	}
	return f.Origin.IssuedBy(asOf).UnixMilli() + 1
}

// milliseconds rounds down: a view must never look younger than it is.
func milliseconds(d time.Duration) int64 {
	ms := d.Milliseconds()
	if time.Duration(ms)*time.Millisecond > d {
		ms--
	}
	return ms
}

// noID is for events after which nothing is resumed.
const noID = -1

// frame is one event of a stream (text/event-stream). The data is JSON in one
// line, so it is the same in an event and in a poll: see dataOf.
func frame(kind string, id int64, data any) []byte {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err) // structs of numbers and texts, or a key set
	}
	b := make([]byte, 0, len(text)+64)
	b = append(append(append(b, "event: "...), kind...), '\n')
	if id != noID {
		b = append(strconv.AppendInt(append(b, "id: "...), id, 10), '\n')
	}
	b = append(append(b, "data: "...), text...)
	return append(b, "\n\n"...)
}

// dataOf is the data of an event made by frame.
func dataOf(event []byte) json.RawMessage {
	_, data, _ := bytes.Cut(event, []byte("\ndata: "))
	return data[:len(data)-len("\n\n")]
}

// keySetFrame is the published key set as an event. Made once for each set.
type keySetFrame struct {
	etag  string
	event []byte
}
