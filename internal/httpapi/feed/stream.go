package feed

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
	feeds "github.com/portaria/portaria/internal/feed"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/fleet"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/serve"
)

const (
	// maxFeeds bounds the feeds and waiting polls of one process. More belong
	// behind a relay.
	maxFeeds = 4096
	// maxFeedsOf is the share of one client, so that none can cut off the others.
	maxFeedsOf = maxFeeds / 2
)

// feed streams the revocation log (text/event-stream). What it promises stands
// in its heartbeats: as of when the follower knows everything.
func (f *server) feed(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	accepted := time.Now()
	v, err := feedPlace(r)
	if err != nil {
		return err
	}
	v.Client = c.ClientID()
	release, err := f.seats.take(v.Client)
	if err != nil {
		return err
	}
	defer release()
	if err := f.follow(r.Context(), v); err != nil {
		return err
	}
	proof := r.Header.Get(api.PlaceHeader)
	f.lookAgain(r.Context(), v.Seq, proof)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	one := &feed{server: f, Stream: serve.NewStream(w, r), accepted: accepted, verifier: v, checked: accepted, from: f.proved(v.Seq, proof)}
	one.letIn = func(ctx context.Context) error {
		_, err := f.Gate.May(access.RevocationRead).Admit(r.WithContext(ctx))
		return err
	}
	// From here on an error means that the follower has gone.
	_ = one.run(r, v.Seq)
	return nil
}

// whenStaleRefuse is what verifiers do that say nothing else.
const whenStaleRefuse = "refuse"

// feedPlace is where a follower has come to, after or Last-Event-ID when it
// comes back as browsers do, and what it says of itself.
func feedPlace(r *http.Request) (v fleet.Verifier, err error) {
	query := r.URL.Query()
	for name, values := range query {
		if !slices.Contains([]string{"after", "verifier", "lease_ms", "when_stale"}, name) || len(values) > 1 {
			return v, problem.Field(name, "unknown query parameter, or given more than once")
		}
	}
	text, name := query.Get("after"), "after"
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		text, name = last, "Last-Event-ID"
	}
	if v.Seq, err = number(text, 0, 0, rule.MaxSeq); err != nil {
		return v, problem.Field(name, "expected a position that the feed sent")
	}
	ms, err := number(query.Get("lease_ms"), fleet.DefaultStaleness.Milliseconds(), 1, math.MaxInt64)
	if err != nil {
		return v, problem.Field("lease_ms", "expected a number of milliseconds")
	}
	if v.ID = query.Get("verifier"); v.ID != endpoint.Printable(v.ID, api.MaxVerifierName) || v.ID == "" && query.Has("lease_ms") {
		return v, problem.Field("verifier", fmt.Sprintf("expected a name of at most %d printable characters", api.MaxVerifierName))
	}
	v.Staleness, v.WhenStale = lease(ms), cmp.Or(query.Get("when_stale"), whenStaleRefuse)
	if !slices.Contains([]string{whenStaleRefuse, "introspect", fleet.StaleOpen}, v.WhenStale) {
		return v, problem.Field("when_stale", "expected refuse, introspect or open")
	}
	return v, nil
}

// number reads a whole number between two others.
func number(text string, otherwise, least, most int64) (int64, error) {
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil && (n < least || n > most) {
		err = strconv.ErrRange
	}
	return n, err
}

// lookAgain reads the log again when a follower knows more than the log: then the log was set
// back. The place that it proves is believed, and one that it only claims is not:
// a client that may only read must not write. In both cases the follower gets a reset.
func (f *server) lookAgain(ctx context.Context, after int64, proof string) {
	proved := f.Origin.Proofs.Seq(proof)
	if max(after, proved) <= f.Log.View().Head {
		return
	}
	err := f.Log.Ahead(ctx, proved)
	if err == nil && after > max(proved, f.Log.View().Head) {
		err = revoke.ErrPlace
	}
	if err != nil {
		f.Gate.Audit.Log.WarnContext(ctx, "position of a verifier is after the end of the revocation log",
			"error", err, "position", after, "head", f.Log.View().Head, "client", serve.ClientAddress(ctx))
	}
}

// feed is one follower.
type feed struct {
	*server
	*serve.Stream
	accepted time.Time
	batches  <-chan *revoke.Batch
	// from and sent bound the part of the log that the follower was sent.
	from, sent int64
	keys       string // ETag of the key set that was sent
	verifier   fleet.Verifier
	letIn      func(context.Context) error
	checked    time.Time // when the caller was last let in
	doubted    bool      // a rule has come that may be about the caller
}

func (f *feed) run(r *http.Request, after int64) error {
	asOf := f.Log.AsOf() // before the view: then the view has it all
	view, sub := f.Log.Subscribe()
	defer sub.Close()
	f.batches = sub.Batches()
	if err := f.begin(view, after, asOf); err != nil {
		return err
	}
	ticker := time.NewTicker(feeds.BeatEvery(f.verifier.Staleness))
	defer ticker.Stop()
	stopping, leave := f.Stopping, (<-chan time.Time)(nil)
	for {
		var err error
		changed := f.Keys.Changed.Next()
		if err := f.flushKeys(); err != nil {
			return err
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-changed:
		case <-stopping:
			stopping, leave = nil, time.After(feeds.DrainAfter(f.verifier.Staleness, f.Grace))
		case <-leave:
			return f.leave()
		case b, ok := <-f.batches:
			if !ok {
				return nil
			}
			err = f.tell(b)
		case <-ticker.C:
			err = f.beat()
		}
		if err == nil {
			err = f.stillMay(r.Context())
		}
		if err != nil {
			return err
		}
	}
}

// leave asks the follower to reconnect, because this process stops.
func (f *feed) leave() error {
	if err := f.write(frame(api.FrameDrain, noID, struct{}{})); err != nil {
		return err
	}
	return f.Flush()
}

// begin says where the log stands, and catches up.
func (f *feed) begin(v *revoke.View, after int64, asOf time.Time) error {
	hello := f.frames.hello(v)
	if err := f.write(frame(api.FrameHello, noID, hello)); err != nil {
		return err
	}
	if err := f.tellKeys(); err != nil {
		return err
	}
	f.sent = v.Head
	if !v.Resumes(after) {
		f.from = v.Head // the snapshot is sent by itself
		if err := f.write(frame(api.FrameReset, noID, hello)); err != nil {
			return err
		}
	} else {
		for _, b := range v.After(after) {
			if err := f.write(b.Frame(f.frames.rules)); err != nil {
				return err
			}
		}
	}
	return f.finish(asOf)
}

// tell writes a batch, and those that came after it, with one flush.
func (f *feed) tell(b *revoke.Batch) error {
	if err := f.writeBatch(b); err != nil {
		return err
	}
	if err := f.drain(); err != nil {
		return err
	}
	f.noteSent()
	return f.Flush()
}

// noteSent comes before the flush: afterwards the follower may have answered.
func (f *feed) noteSent() {
	f.Fleet.Sent(f.verifier.Client, f.verifier.ID, fleet.Span{From: f.from, To: f.sent})
}

// beat reads the time before it drains, so that nothing up to that time is
// left behind.
func (f *feed) beat() error {
	if f.verifier.ID != "" {
		f.Fleet.Stay(f.verifier)
	}
	asOf := f.Log.AsOf()
	if err := f.drain(); err != nil {
		return err
	}
	if err := f.tellKeys(); err != nil {
		return err
	}
	return f.finish(asOf)
}

func (f *feed) finish(asOf time.Time) error {
	if err := f.write(frame(api.FrameHeartbeat, noID, f.heartbeat(f.sent, asOf, f.accepted))); err != nil {
		return err
	}
	f.noteSent()
	return f.Flush()
}

func (f *feed) drain() error {
	for {
		select {
		case b, ok := <-f.batches:
			if !ok {
				return http.ErrServerClosed // the follower comes back
			}
			if err := f.writeBatch(b); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

func (f *feed) writeBatch(b *revoke.Batch) error {
	f.doubted = f.doubted || slices.ContainsFunc(b.Rules, f.concerns)
	f.sent = b.To
	return f.write(b.Frame(f.frames.rules))
}

// checkEvery is how often a stream's caller is looked at anew: a client may be
// barred, lose its scope or its secret, and a token expires.
const checkEvery = 5 * time.Second

// checkTime bounds how long that may hold up a beat.
const checkTime = time.Second

// stillMay lets the caller in again from time to time, and at once when a rule
// has come that may be about it. What the store cannot tell now, it is asked
// with the next beat: a stream is not cut because the store is away.
func (f *feed) stillMay(ctx context.Context) error {
	if !f.doubted && time.Since(f.checked) < checkEvery {
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, checkTime)
	defer stop()
	err := f.letIn(ctx)
	if err == nil {
		f.checked, f.doubted = time.Now(), false
	} else if f.Gate.Audit.Problems.Of(err).Problem.Status >= http.StatusInternalServerError {
		return nil
	}
	return err
}

// concerns reports whether a rule may be about whoever follows.
func (f *feed) concerns(r rule.Rule) bool {
	return r.Kind == rule.Client && r.Value == f.verifier.Client || r.Kind == rule.Issuer || r.Kind == rule.Key
}

// tellKeys sends the key set when it is another one than before.
func (f *feed) tellKeys() error {
	set := f.keyFrame(f.Gate.Now().UTC())
	if set.etag == f.keys {
		return nil
	}
	f.keys = set.etag
	return f.write(set.event)
}

// flushKeys sends another key set at once: tokens of its keys may be on their
// way already.
func (f *feed) flushKeys() error {
	before := f.keys
	if err := f.tellKeys(); err != nil || f.keys == before {
		return err
	}
	return f.Flush()
}

func (f *feed) write(event []byte) error {
	_, err := f.Write(event)
	return err
}
