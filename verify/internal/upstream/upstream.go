// Package upstream sends a verifier's requests to the issuer or relay whose feed it
// follows, with the credentials of the service and the proof of its position.
package upstream

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

// Errors of answers that are of no use.
var (
	// ErrLease reports a lease that is longer than the issuer allows.
	ErrLease = errors.New("staleness is greater than the issuer allows (revocation_max_staleness)")
	// ErrReply reports an answer that is not what the protocol says.
	ErrReply = errors.New("unexpected answer of the feed")
	// ErrCredentials and ErrScope are mistakes in the configuration of the service or
	// of its client.
	ErrCredentials = errors.New("the issuer refuses ClientID or ClientSecret (status 401): compare them with the registered client")
	ErrScope       = errors.New("the issuer refuses this client (status 403): register it with the scope revocation:read")
)

// maxProof bounds the proof of a position, in bytes.
const maxProof = 64

// Client sends requests to the issuer, or to a relay. Make it with [New].
type Client struct {
	client     http.Client
	id, secret string
	name       string
	// proof is what the last frame brought. It is shown when reconnecting, so
	// that the issuer believes the position.
	proof atomic.Pointer[string]
}

// New returns a client that authenticates with an id and a secret. name is that of
// this verifier. Requests end with their context alone: a stream lasts.
func New(client http.Client, id, secret, name string) *Client {
	client.Timeout = 0
	return &Client{client: client, id: id, secret: secret, name: name}
}

// Name returns the name of this verifier, as the issuer lists it.
func (c *Client) Name() string { return c.name }

// Close closes connections that are idle.
func (c *Client) Close() { c.client.CloseIdleConnections() }

// KeepProof keeps the proof of the position that was just applied.
func (c *Client) KeepProof(proof string) {
	if proof != "" && len(proof) <= maxProof {
		c.proof.Store(&proof)
	}
}

// Post sends a JSON body. kind is the media type that it accepts; empty accepts
// every answer of status 2xx.
func (c *Client) Post(ctx context.Context, address string, body any, kind string) (*http.Response, error) {
	content, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	return c.Send(r, kind)
}

// Get sends a request without a body. kind is as in [Client.Post].
func (c *Client) Get(ctx context.Context, address, kind string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return c.Send(r, kind)
}

// Send sends a request with the credentials of this service. The caller closes
// the body.
func (c *Client) Send(r *http.Request, kind string) (*http.Response, error) {
	// RFC 6749, section 2.3.1: both are encoded like a form first.
	r.SetBasicAuth(url.QueryEscape(c.id), url.QueryEscape(c.secret))
	if kind != "" {
		r.Header.Set("Accept", kind)
	}
	if proof := c.proof.Load(); proof != nil {
		r.Header.Set(api.PlaceHeader, *proof)
	}
	if r.Header.Get("Accept-Encoding") == "" {
		r.Header.Set("Accept-Encoding", "identity")
	}
	answer, err := c.client.Do(r)
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
		return ErrLease
	case answer.StatusCode == http.StatusUnauthorized:
		return ErrCredentials
	case answer.StatusCode == http.StatusForbidden:
		return ErrScope
	case kind == "" && answer.StatusCode/100 == 2:
		return nil
	case answer.StatusCode != http.StatusOK:
		return fmt.Errorf("%w: status %d", ErrReply, answer.StatusCode)
	case err != nil || got != kind:
		return fmt.Errorf("%w: not %s", ErrReply, kind)
	case packed != "" && packed != answer.Request.Header.Get("Accept-Encoding"):
		return fmt.Errorf("%w: encoded as %.20q", ErrReply, packed)
	}
	return nil
}
