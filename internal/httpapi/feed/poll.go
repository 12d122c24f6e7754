package feed

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/feed"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/revoke/fleet"
	"github.com/portaria/portaria/internal/serve"
)

// snapshot sends every live rule (application/x-ndjson).
func (f *server) snapshot(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	accepted := time.Now()
	serve.Patient(r.Context())
	return f.service.Snapshot(w, r, accepted, func(head int64) {
		if name := r.URL.Query().Get("verifier"); name != "" {
			f.Fleet.Sent(c.ClientID(), endpoint.Printable(name, api.MaxVerifierName), fleet.Span{To: head})
		}
	})
}

// poll returns the frames of a stream, for verifiers behind proxies that buffer
// streams.
func (f *server) poll(ctx context.Context, c access.Caller, in api.Poll) (api.Frames, error) {
	accepted := time.Now()
	if in.Ack != nil {
		if _, err := f.acked(ctx, c, *in.Ack); err != nil {
			return api.Frames{}, err
		}
	}
	who := feed.OfPoll(in, c.ClientID(), accepted)
	who.Name = endpoint.Printable(who.Name, api.MaxVerifierName)
	m, leave, err := f.join(ctx, who)
	if err != nil {
		return api.Frames{}, err
	}
	defer leave()
	if in.Ack != nil { // it may name itself there alone
		m.verifier.ID = cmp.Or(m.verifier.ID, endpoint.Printable(in.Ack.Verifier, api.MaxVerifierName))
	}
	serve.Patient(ctx)
	return f.service.Poll(ctx, who, time.Duration(in.Wait)*time.Second, m), nil
}
