package httpapi

import (
	"context"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/revoke"
)

// acked takes note of an ack that can be true.
func (s *Server) acked(ctx context.Context, c Caller, in api.Ack) (endpoint.None, error) {
	if err := s.checkAck(ctx, &in); err != nil {
		return endpoint.None{}, err
	}
	return s.ack(ctx, c, in)
}

// checkAck refuses a place that the log has not come to: a receipt would count
// as confirmed whatever is written from then on. A follower that tells its relay
// such a place has confirmed nothing; the relay is not to be silenced by it.
func (s *Server) checkAck(ctx context.Context, in *api.Ack) error {
	most := in.Seq
	for _, f := range in.Followers {
		most = max(most, f.Seq)
	}
	if most > s.Revocation.View().Head { // another process may have told it
		if err := s.Revocation.Look(ctx); err != nil {
			return err
		}
	}
	head := s.Revocation.View().Head
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
