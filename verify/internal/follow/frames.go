package follow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/feed"
	"github.com/portaria/portaria/verify/internal/rules"
	"github.com/portaria/portaria/verify/internal/view"
)

// errDrained ends a stream whose server stops, and nothing is wrong.
var errDrained = errors.New("the server of the feed stops")

var errGap = errors.New("the feed left rules out")

// Take applies one frame of a stream or poll that was dialled at t0 (see
// [view.View.Mono]). It reports whether the view is newer than before and
// trusted. Only one goroutine may call it at a time.
func (f *Follower) Take(ctx context.Context, t0 int64, name string, data []byte) (renewed bool, err error) {
	switch name {
	case api.FrameHello, api.FrameReset:
		err = f.takeHello(ctx, name, data)
	case api.FrameRules:
		err = f.takeRules(data)
	case api.FrameKeySet:
		f.takeKeySet(data)
	case api.FrameHeartbeat:
		return f.takeHeartbeat(t0, data)
	case api.FrameDrain:
		err = errDrained
	}
	return false, err
}

func (f *Follower) takeHello(ctx context.Context, name string, data []byte) error {
	var hello api.FeedHello
	if json.Unmarshal(data, &hello) != nil {
		return view.ErrFrame
	}
	if err := f.view.Meet(hello); err != nil {
		return err
	}
	f.acknowledgeSoon() // this process of the issuer may know no more than was said when dialling
	if name == api.FrameHello {
		return nil
	}
	return f.stream.fetchSnapshot(ctx)
}

// takeRules applies a part of the log.
func (f *Follower) takeRules(data []byte) error {
	var part api.FeedRules
	if json.Unmarshal(data, &part) != nil || f.view.Salt() == nil {
		return view.ErrFrame
	}
	applied := f.view.Position()
	if part.To <= applied {
		return nil
	}
	if part.From > applied {
		return errGap
	}
	if err := f.view.Plausible(part.To); err != nil {
		return err
	}
	batch := make([]rules.Rule, 0, len(part.Rules))
	for _, w := range part.Rules {
		r, err := rules.Of(w)
		if err != nil {
			return fmt.Errorf("%w: %w", view.ErrFrame, err)
		}
		if w.Seq > part.To {
			return view.ErrFrame
		}
		batch = append(batch, r)
	}
	if err := f.merge(batch); err != nil {
		return err
	}
	f.downstream.advance(part.To, func(log *feed.Log) {
		part.From = applied
		log.Append(part)
	})
	f.upstream.KeepProof(part.Proof)
	return nil
}

// merge makes rules count, for requests and for watched connections.
func (f *Follower) merge(batch []rules.Rule) error {
	err := f.view.Merge(batch)
	if err == nil && len(batch) > 0 {
		f.acknowledgeSoon()
	}
	return err
}

// takeKeySet replaces the key set: a key that is not in it is withdrawn at once.
// A set that cannot be read does not end the stream; the published one is fetched
// instead.
func (f *Follower) takeKeySet(data []byte) {
	if err := f.host.UseKeySet(data); err != nil {
		f.stream.hasKeys.Store(false)
		f.config.Log.Warn("key set of the revocation feed cannot be read, the published one is fetched", "error", err)
		return
	}
	f.stream.hasKeys.Store(true)
	f.downstream.setKeySet(bytes.Clone(data))
}

// takeHeartbeat renews the view if everything that the heartbeat is about has been
// applied. It reports whether the stream is of use: one that makes the view newer,
// and yet not young enough, counts time by a clock that stood still.
func (f *Follower) takeHeartbeat(t0 int64, data []byte) (bool, error) {
	var hb api.FeedHeartbeat
	if json.Unmarshal(data, &hb) != nil || f.view.Salt() == nil {
		return false, view.ErrFrame
	}
	if hb.Head > f.view.Position() {
		return false, nil
	}
	f.view.CheckClocks()
	newer, err := f.renew(t0, hb)
	if err != nil {
		return false, err
	}
	f.upstream.KeepProof(hb.Proof)
	f.downstream.heard(f.stream.stated)
	return !newer || f.view.Current(f.config.Now()), nil
}

// renew makes the view as of the moment of a heartbeat. It reports whether the
// view is newer than before. Waiting requests go on last.
func (f *Follower) renew(t0 int64, hb api.FeedHeartbeat) (newer bool, err error) {
	renewal, err := f.view.Renew(t0, hb)
	if err != nil || !renewal.Taken {
		return false, err
	}
	if renewal.First {
		f.acknowledgeSoon() // that this verifier is there
	}
	if f.stream.hasKeys.Load() {
		f.host.ConfirmKeys()
	}
	f.downstream.beat()
	f.view.Resume()
	return renewal.Newer, nil
}
