package feed

import (
	"context"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/feed"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/revoke/fleet"
	"github.com/portaria/portaria/internal/revoke/rule"
)

// ack takes note of how far a verifier has come, and those that follow it.
func (f *server) ack(ctx context.Context, c access.Caller, in api.Ack) (endpoint.None, error) {
	return endpoint.None{}, f.noteAck(ctx, c, in)
}

func (f *server) noteAck(ctx context.Context, c access.Caller, in api.Ack) error {
	list := []fleet.Verifier{verifierOf(c, in)}
	for _, behind := range in.Followers {
		// Nobody takes the name of a verifier that follows by itself.
		behind.Verifier = in.Verifier + "/" + behind.Verifier
		list = append(list, verifierOf(c, behind.Ack()))
	}
	return f.Fleet.AckAll(ctx, list)
}

func verifierOf(c access.Caller, in api.Ack) fleet.Verifier {
	return fleet.Verifier{
		Client:    c.ClientID(),
		ID:        endpoint.Printable(in.Verifier, maxVerifierName),
		Seq:       in.Seq,
		Staleness: feed.LeaseOf(in.Staleness),
		WhenStale: in.WhenStale,
		KeySet:    endpoint.Printable(in.KeySet, api.MaxKeySetTag),
		Audience:  endpoint.Printable(in.Audience, api.MaxText),
		Seen:      c.Use.At,
	}
}

// maxVerifierName has room for the name of a relay before that of a verifier.
const maxVerifierName = api.MaxVerifierName + 1 + api.MaxVerifierName

// follow takes note of who begins to follow the log, before it hears a word: a receipt
// uses the lease of every verifier that may trust an earlier position. Who names no
// lease has the default one.
func (f *server) follow(ctx context.Context, v fleet.Verifier) error {
	if v.ID == "" {
		return nil
	}
	if v.Seq > f.Log.View().Head {
		v.Seq = 0 // no log has come there; a receipt must not count on it
	}
	news, err := f.Fleet.Follow(ctx, v)
	if err != nil || !news || v.Staleness <= fleet.DefaultStaleness {
		return err
	}
	return f.Log.Look(ctx)
}

func (f *server) listVerifiers(ctx context.Context, c access.Caller, _ endpoint.None) (api.Verifiers, error) {
	list, err := f.Fleet.Verifiers(ctx)
	if err != nil {
		return api.Verifiers{}, err
	}
	head := f.Log.View().Head
	out := api.Verifiers{Head: head, Followers: f.Log.Followers(), Verifiers: make([]api.Verifier, len(list))}
	for i, v := range list {
		out.Verifiers[i] = api.Verifier{
			Client:    v.Client,
			Name:      v.ID,
			Audience:  v.Audience,
			Seq:       v.Seq,
			Behind:    behind(head, v.Seq),
			Staleness: v.Staleness.Milliseconds(),
			WhenStale: v.WhenStale,
			KeySet:    v.KeySet,
			Seen:      v.Seen,
			Silent:    v.Silent(c.Use.At),
		}
	}
	return out, nil
}

// behind is how many seats lie between; -1 when they cannot be counted.
func behind(head, seq int64) int64 {
	ours, _ := rule.Split(head)
	theirs, _ := rule.Split(seq)
	if ours != theirs {
		return -1
	}
	return max(0, head-seq)
}

// newEpoch begins an epoch of the log, after a backup was restored.
func (f *server) newEpoch(ctx context.Context, _ access.Caller, _ endpoint.None) (api.Epoch, error) {
	if err := f.Log.NewEpoch(ctx); err != nil {
		return api.Epoch{}, err
	}
	head := f.Log.View().Head
	epoch, _ := rule.Split(head)
	return api.Epoch{Epoch: epoch, Head: head}, nil
}
