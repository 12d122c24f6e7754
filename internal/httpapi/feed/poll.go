package feed

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
	feeds "github.com/portaria/portaria/internal/feed"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/fleet"
	"github.com/portaria/portaria/internal/serve"
)

// seats are a bounded number of seats, of which one client has its share.
type seats struct {
	mu    sync.Mutex
	taken int
	of    map[string]int
}

// take takes one for a client; the caller gives it back.
func (p *seats) take(client string) (release func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken >= maxFeeds || p.of[client] >= maxFeedsOf {
		return nil, problem.TooManyFeeds()
	}
	if p.of == nil {
		p.of = map[string]int{}
	}
	p.taken++
	p.of[client]++
	return func() { p.giveBack(client) }, nil
}

func (p *seats) giveBack(client string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.of[client]--; p.of[client] == 0 {
		delete(p.of, client)
	}
}

// keyFrame is the event with the key set published at a moment; all feeds share
// its bytes.
func (f *server) keyFrame(now time.Time) *keySetFrame {
	set := f.Keys.Set(now)
	if known := f.keys.Load(); known != nil && known.etag == set.ETag {
		return known
	}
	made := &keySetFrame{set.ETag, frame(api.FrameKeySet, noID, json.RawMessage(set.JSON))}
	f.keys.Store(made)
	return made
}

// snapshot sends every living rule (application/x-ndjson). Its parts are
// compressed once for everybody; whoever does not take gzip waits for them to be
// unpacked.
func (f *server) snapshot(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	accepted := time.Now()
	asOf := f.Log.AsOf()
	view := f.Log.View()
	h := w.Header()
	etag := fmt.Sprintf(`"%d"`, view.Head)
	h.Set("Content-Type", "application/x-ndjson")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", etag)
	if endpoint.MatchesETag(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	head, err := json.Marshal(api.Snapshot{
		FeedHello: f.frames.hello(view),
		Proof:     f.Origin.Proofs.Of(view.Head),
		Age:       -milliseconds(asOf.Sub(accepted)),
		Wall:      f.wall(asOf),
		KeySet:    f.Keys.Set(c.Use.At).JSON,
	})
	if err != nil {
		return fmt.Errorf("encode snapshot: %w", err)
	}
	parts := [][]byte{squeeze(append(head, '\n'))}
	for _, b := range view.Batches() {
		parts = append(parts, b.Lines(f.frames.lines))
	}
	if name := r.URL.Query().Get("verifier"); name != "" {
		f.Fleet.Sent(c.ClientID(), endpoint.Printable(name, api.MaxVerifierName), fleet.Span{To: view.Head})
	}
	send(serve.NewStream(w, r), parts, acceptsGzip(r.Header))
	return nil
}

// send writes the members of a gzip file, or what is in them. An error means
// that the caller has gone.
func send(w *serve.Stream, members [][]byte, packed bool) {
	if packed {
		w.Header().Set("Content-Encoding", "gzip")
	}
	for _, member := range members {
		var err error
		if packed {
			_, err = w.Write(member)
		} else {
			err = unpack(w, member)
		}
		if err != nil {
			return
		}
	}
}

func unpack(w io.Writer, member []byte) error {
	text, err := gzip.NewReader(bytes.NewReader(member))
	if err != nil {
		return err
	}
	_, err = io.Copy(w, text) // made here: no bomb
	return err
}

// acceptsGzip reports whether gzip may be sent; "gzip;q=0" means that it may
// not (RFC 9110 §12.5.3).
func acceptsGzip(h http.Header) bool {
	for part := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(part, " ", ""), ";")
		if strings.EqualFold(name, "gzip") || name == "*" {
			return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
		}
	}
	return false
}

// poll is the feed for those behind proxies that hold streams back: it waits for
// news, and answers the same frames.
func (f *server) poll(ctx context.Context, c access.Caller, in api.Poll) (api.Frames, error) {
	accepted := time.Now()
	if in.Ack != nil {
		if _, err := f.acked(ctx, c, *in.Ack); err != nil {
			return api.Frames{}, err
		}
	}
	if err := f.follow(ctx, polling(c, in)); err != nil {
		return api.Frames{}, err
	}
	release, err := f.seats.take(c.ClientID())
	if err != nil {
		return api.Frames{}, err
	}
	defer release()
	f.lookAgain(ctx, in.After, in.Place)
	serve.Patient(ctx)
	asOf := f.Log.AsOf()
	view := f.Log.View()
	if in.After == view.Head && in.Wait > 0 {
		f.await(ctx, in, time.Duration(in.Wait)*time.Second)
		asOf = f.Log.AsOf()
		view = f.Log.View()
	}
	f.sentPoll(c, in, view)
	return f.pollFrames(view, in.After, f.heartbeat(view.Head, asOf, accepted)), nil
}

// sentPoll takes note of what the answer to a poll holds.
func (f *server) sentPoll(c access.Caller, in api.Poll, v *revoke.View) {
	name := in.Verifier
	if name == "" && in.Ack != nil {
		name = in.Ack.Verifier
	}
	if v.Resumes(in.After) {
		f.Fleet.Sent(c.ClientID(), endpoint.Printable(name, api.MaxVerifierName), fleet.Span{From: f.proved(in.After, in.Place), To: v.Head})
	}
}

// proved is where the part of the log begins that a follower has, when it is sent
// what comes after a place: at the beginning, when it proves that place.
func (f *server) proved(after int64, proof string) int64 {
	if after <= f.Origin.Proofs.Seq(proof) {
		return 0
	}
	return after
}

// polling is what a follower that polls says of itself.
func polling(c access.Caller, in api.Poll) fleet.Verifier {
	return fleet.Verifier{Client: c.ClientID(), ID: endpoint.Printable(in.Verifier, api.MaxVerifierName), Seq: in.After,
		Staleness: cmp.Or(lease(in.Lease), fleet.DefaultStaleness), WhenStale: cmp.Or(in.WhenStale, whenStaleRefuse)}
}

// await returns when the log is no longer at the position of a poll, or after some
// time. When the process stops, that time is spread as for streams.
func (f *server) await(ctx context.Context, in api.Poll, most time.Duration) {
	view, sub := f.Log.Subscribe()
	defer sub.Close()
	if view.Head != in.After {
		return
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	stopping, leave := serve.Stopping(ctx), (<-chan time.Time)(nil)
	for {
		select {
		case <-stopping:
			stopping = nil
			leave = time.After(feeds.DrainAfter(cmp.Or(lease(in.Lease), fleet.DefaultStaleness), serve.Grace(ctx)))
			continue
		case <-leave:
		case <-sub.Batches():
		case <-f.Keys.Changed.Next():
		case <-timer.C:
		case <-ctx.Done():
		}
		return
	}
}

func (f *server) pollFrames(v *revoke.View, after int64, hb api.FeedHeartbeat) api.Frames {
	var events []api.Frame
	add := func(kind string, event []byte) {
		events = append(events, api.Frame{Type: kind, Data: dataOf(event)})
	}
	hello := f.frames.hello(v)
	if v.Resumes(after) {
		add(api.FrameHello, frame(api.FrameHello, noID, hello))
		for _, b := range v.After(after) {
			add(api.FrameRules, b.Frame(f.frames.rules))
		}
	} else {
		add(api.FrameReset, frame(api.FrameReset, noID, hello))
	}
	add(api.FrameKeySet, f.keyFrame(f.Gate.Now().UTC()).event)
	add(api.FrameHeartbeat, frame(api.FrameHeartbeat, noID, hb))
	return api.Frames{Frames: events}
}
