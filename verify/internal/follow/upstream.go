package follow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/portaria/portaria/api"
)

var (
	errLease = errors.New("Staleness is greater than the issuer allows (revocation_max_staleness)")
	errReply = errors.New("unexpected answer of the feed")
	// The operator of the service has to mend these two.
	errCredentials = errors.New("the issuer refuses ClientID or ClientSecret (status 401): compare them with the registered client")
	errScope       = errors.New("the issuer refuses this client (status 403): register it with the scope revocation:read")
)

// maxProof bounds the proof of a position, in bytes.
const maxProof = 64

// upstream sends requests to the issuer, or to a relay.
type upstream struct {
	client     http.Client
	id, secret string
	name       string // of this verifier, random
	// proof is what the last frame brought. It is shown when reconnecting, so
	// that the issuer believes the position.
	proof atomic.Pointer[string]
}

// keepProof keeps the proof of the position that was just applied.
func (u *upstream) keepProof(proof string) {
	if proof != "" && len(proof) <= maxProof {
		u.proof.Store(&proof)
	}
}

// post sends a JSON body. kind is the media type that it accepts; empty accepts
// every answer of status 2xx.
func (u *upstream) post(ctx context.Context, address string, body any, kind string) (*http.Response, error) {
	content, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	return u.send(r, kind)
}

func (u *upstream) get(ctx context.Context, address, kind string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return u.send(r, kind)
}

// send sends a request with the credentials of this service. The caller closes
// the body.
func (u *upstream) send(r *http.Request, kind string) (*http.Response, error) {
	// RFC 6749, section 2.3.1: both are encoded like a form first.
	r.SetBasicAuth(url.QueryEscape(u.id), url.QueryEscape(u.secret))
	if kind != "" {
		r.Header.Set("Accept", kind)
	}
	if proof := u.proof.Load(); proof != nil {
		r.Header.Set(api.PlaceHeader, *proof)
	}
	if r.Header.Get("Accept-Encoding") == "" {
		r.Header.Set("Accept-Encoding", "identity")
	}
	answer, err := u.client.Do(r)
	if err != nil {
		return nil, err
	}
	if err := accept(answer, kind); err != nil {
		_ = answer.Body.Close()
		return nil, err
	}
	return answer, nil
}

// accept returns an error for an answer that is not of use.
func accept(answer *http.Response, kind string) error {
	got, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	packed := answer.Header.Get("Content-Encoding")
	switch {
	case answer.StatusCode == http.StatusUnprocessableEntity:
		return errLease
	case answer.StatusCode == http.StatusUnauthorized:
		return errCredentials
	case answer.StatusCode == http.StatusForbidden:
		return errScope
	case kind == "" && answer.StatusCode/100 == 2:
		return nil
	case answer.StatusCode != http.StatusOK:
		return fmt.Errorf("%w: status %d", errReply, answer.StatusCode)
	case err != nil || got != kind:
		return fmt.Errorf("%w: not %s", errReply, kind)
	case packed != "" && packed != answer.Request.Header.Get("Accept-Encoding"):
		return fmt.Errorf("%w: encoded as %.20q", errReply, packed)
	}
	return nil
}
