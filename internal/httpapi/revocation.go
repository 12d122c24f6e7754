package httpapi

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
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/fleet"
	"github.com/portaria/portaria/internal/serve"
)

// places are a bounded number of seats, of which one client has its share.
type places struct {
	mu    sync.Mutex
	taken int
	of    map[string]int
}

// take takes one for a client; the caller gives it back.
func (p *places) take(client string) (release func(), err error) {
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

func (p *places) giveBack(client string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.of[client]--; p.of[client] == 0 {
		delete(p.of, client)
	}
}

// keyFrame is the event with the key set published at a moment; all feeds share
// its bytes.
func (s *Server) keyFrame(now time.Time) *keySetFrame {
	set := s.KeySet(now)
	if f := s.keys.Load(); f != nil && f.etag == set.ETag {
		return f
	}
	f := &keySetFrame{set.ETag, frame(api.FrameKeySet, noID, json.RawMessage(set.JSON))}
	s.keys.Store(f)
	return f
}

// snapshot sends every living rule (application/x-ndjson). Its parts are
// compressed once for everybody; whoever does not take gzip waits for them to be
// unpacked.
func (s *Server) snapshot(w http.ResponseWriter, r *http.Request, c Caller) error {
	accepted := time.Now()
	asOf := s.Revocation.AsOf()
	view := s.Revocation.View()
	h := w.Header()
	etag := fmt.Sprintf(`"%d"`, view.Head)
	h.Set("Content-Type", "application/x-ndjson")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", etag)
	if matches(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	head, err := json.Marshal(api.Snapshot{
		FeedHello: s.frames.hello(view),
		Proof:     s.Proofs.Of(view.Head),
		Age:       -milliseconds(asOf.Sub(accepted)),
		Wall:      s.wall(asOf),
		KeySet:    s.KeySet(c.Use.At).JSON,
	})
	if err != nil {
		return fmt.Errorf("encode snapshot: %w", err)
	}
	parts := [][]byte{squeeze(append(head, '\n'))}
	for _, b := range view.Batches() {
		parts = append(parts, b.Lines(s.frames.lines))
	}
	if name := r.URL.Query().Get("verifier"); name != "" {
		s.Fleet.Sent(c.client(), printable(name, maxName), fleet.Span{To: view.Head})
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
func (s *Server) poll(ctx context.Context, c Caller, in api.Poll) (api.Frames, error) {
	accepted := time.Now()
	if in.Ack != nil {
		if _, err := s.acked(ctx, c, *in.Ack); err != nil {
			return api.Frames{}, err
		}
	}
	if err := s.follow(ctx, polling(c, in)); err != nil {
		return api.Frames{}, err
	}
	release, err := s.feeds.take(c.client())
	if err != nil {
		return api.Frames{}, err
	}
	defer release()
	s.lookAgain(ctx, in.After, in.Place)
	serve.Patient(ctx)
	asOf := s.Revocation.AsOf()
	view := s.Revocation.View()
	if in.After == view.Head && in.Wait > 0 {
		s.await(ctx, in.After, time.Duration(in.Wait)*time.Second)
		asOf = s.Revocation.AsOf()
		view = s.Revocation.View()
	}
	s.sentPoll(c, in, view)
	return s.pollFrames(view, in.After, s.heartbeat(view.Head, asOf, accepted)), nil
}

// sentPoll takes note of what the answer to a poll holds.
func (s *Server) sentPoll(c Caller, in api.Poll, v *revoke.View) {
	name := in.Verifier
	if name == "" && in.Ack != nil {
		name = in.Ack.Verifier
	}
	if v.Resumes(in.After) {
		s.Fleet.Sent(c.client(), printable(name, maxName), fleet.Span{From: s.proved(in.After, in.Place), To: v.Head})
	}
}

// proved is where the part of the log begins that a follower has, when it is sent
// what comes after a place: at the beginning, when it proves that place.
func (s *Server) proved(after int64, proof string) int64 {
	if after <= s.Proofs.Seq(proof) {
		return 0
	}
	return after
}

// polling is what a follower that polls says of itself.
func polling(c Caller, in api.Poll) fleet.Verifier {
	return fleet.Verifier{Client: c.client(), ID: printable(in.Verifier, maxName), Seq: in.After,
		Staleness: cmp.Or(lease(in.Lease), fleet.DefaultStaleness), WhenStale: cmp.Or(in.WhenStale, whenStaleRefuse)}
}

// await returns when the log is no longer at a place, or after some time.
func (s *Server) await(ctx context.Context, after int64, most time.Duration) {
	view, sub := s.Revocation.Subscribe()
	defer sub.Close()
	if view.Head != after {
		return
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-sub.Batches():
	case <-s.KeysChanged.Next():
	case <-timer.C:
	case <-ctx.Done():
	case <-serve.Stopping(ctx):
	}
}

func (s *Server) pollFrames(v *revoke.View, after int64, hb api.FeedHeartbeat) api.Frames {
	var events []api.Frame
	add := func(kind string, event []byte) {
		events = append(events, api.Frame{Type: kind, Data: dataOf(event)})
	}
	hello := s.frames.hello(v)
	if v.Resumes(after) {
		add(api.FrameHello, frame(api.FrameHello, noID, hello))
		for _, b := range v.After(after) {
			add(api.FrameRules, b.Frame(s.frames.rules))
		}
	} else {
		add(api.FrameReset, frame(api.FrameReset, noID, hello))
	}
	add(api.FrameKeySet, s.keyFrame(s.now()).event)
	add(api.FrameHeartbeat, frame(api.FrameHeartbeat, noID, hb))
	return api.Frames{Frames: events}
}
