package feed

import (
	"context"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/revoke"
)

// acked takes note of an ack that can be true.
func (f *server) acked(ctx context.Context, c access.Caller, in api.Ack) (endpoint.None, error) {
	if err := f.checkAck(ctx, &in); err != nil {
		return endpoint.None{}, err
	}
	return f.ack(ctx, c, in)
}

// checkAck rejects a position that the log has not reached: a receipt would count as
// confirmed whatever is written from then on. A follower that tells its relay such a
// place has confirmed nothing; the relay is not to be silenced by it.
func (f *server) checkAck(ctx context.Context, in *api.Ack) error {
	most := in.Seq
	for _, f := range in.Followers {
		most = max(most, f.Seq)
	}
	if most > f.Log.View().Head { // another process may have sent it
		if err := f.Log.Look(ctx); err != nil {
			return err
		}
	}
	head := f.Log.View().Head
	if in.Seq > head {
		return revoke.ErrPlace
	}
	for i := range in.Followers {
		if in.Followers[i].Seq > head {
			in.Followers[i].Seq = 0
		}
	}
	return nil
}
