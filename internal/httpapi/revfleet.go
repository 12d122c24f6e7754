package httpapi

import (
	"context"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/revoke"
)

// ack takes note of how far a verifier has come.
func (s *Server) ack(_ context.Context, c Caller, in api.Ack) (none, error) {
	return none{}, s.noteAck(c, in)
}

func (s *Server) noteAck(c Caller, in api.Ack) error {
	return s.Fleet.Ack(revoke.Verifier{
		Client:    c.client(),
		ID:        printable(in.Verifier, 64),
		Seq:       in.Seq,
		Staleness: lease(in.Staleness),
		WhenStale: in.WhenStale,
		KeySet:    printable(in.KeySet, 128),
		Audience:  printable(in.Audience, 255),
		Seen:      c.Use.At,
	})
}

// lease is a number of milliseconds as a duration, which it may be too great to
// be.
func lease(ms int64) time.Duration {
	const most = int64(365 * 24 * time.Hour / time.Millisecond)
	return time.Duration(min(ms, most)) * time.Millisecond
}

func (s *Server) listVerifiers(ctx context.Context, c Caller, _ none) (api.Verifiers, error) {
	list, err := s.Fleet.Verifiers(ctx)
	if err != nil {
		return api.Verifiers{}, err
	}
	head := s.Revocation.View().Head
	out := api.Verifiers{Head: head, Followers: s.Revocation.Followers(), Verifiers: make([]api.Verifier, len(list))}
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

// behind is how many places lie between; -1 when they cannot be counted.
func behind(head, seq int64) int64 {
	ours, _ := revoke.Split(head)
	theirs, _ := revoke.Split(seq)
	if ours != theirs {
		return -1
	}
	return max(0, head-seq)
}

// newEpoch begins an epoch of the log, after a backup was restored.
func (s *Server) newEpoch(ctx context.Context, _ Caller, _ none) (api.Epoch, error) {
	if err := s.Revocation.NewEpoch(ctx); err != nil {
		return api.Epoch{}, err
	}
	head := s.Revocation.View().Head
	epoch, _ := revoke.Split(head)
	return api.Epoch{Epoch: epoch, Head: head}, nil
}
