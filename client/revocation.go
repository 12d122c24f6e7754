package client

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/portaria/portaria/api"
)

// Revoke takes tokens back and answers the receipt. With a wait, it comes when
// all verifiers have confirmed, after that time at the latest. It needs the
// scope api.RevocationWriteScope, in the access token or as a client.
func (c *Client) Revoke(ctx context.Context, in api.Revoke, wait time.Duration) (out api.Receipt, err error) {
	if wait >= time.Second {
		in.Prefer = fmt.Sprintf("wait=%d", int(wait/time.Second))
	}
	caller := *c.asHolder()
	caller.headers = map[string]string{"Prefer": in.Prefer, "Idempotency-Key": in.IdempotencyKey}
	return out, caller.do(ctx, "POST", "/rev/v1/rules", in, &out)
}

// Receipt answers how far a rule has come by now.
func (c *Client) Receipt(ctx context.Context, seq int64) (out api.Receipt, err error) {
	return out, c.asHolder().do(ctx, "GET", fmt.Sprintf("/rev/v1/rules/%d", seq), nil, &out)
}

// Ack says how far a verifier has come.
func (c *Client) Ack(ctx context.Context, in api.Ack) error {
	return c.asHolder().do(ctx, "POST", "/rev/v1/ack", in, nil)
}

// Poll returns the rules after a position in the log.
func (c *Client) Poll(ctx context.Context, in api.Poll) (out api.Frames, err error) {
	return out, c.asHolder().do(ctx, "POST", "/rev/v1/poll", in, &out)
}

// RevokeToken takes one token back (RFC 7009), as a registered client.
func (c *Client) RevokeToken(ctx context.Context, token string) error {
	return c.provingItself().do(ctx, "POST", "/oauth2/revoke", c.about(token), nil)
}

// Introspect answers whether a token is good right now (RFC 7662), as a
// registered client.
func (c *Client) Introspect(ctx context.Context, token string) (out api.Introspection, err error) {
	return out, c.provingItself().do(ctx, "POST", "/oauth2/introspect", c.about(token), &out)
}

// about is a question about a token; a public client says its name in it.
func (c *Client) about(token string) form {
	f := form{url.Values{"token": {token}}}
	if id := c.named(); id != "" {
		f.Set("client_id", id)
	}
	return f
}

// Verifiers lists who follows the rule log.
func (c *Client) Verifiers(ctx context.Context) (out api.Verifiers, err error) {
	return out, c.do(ctx, "GET", "/v1/admin/verifiers", nil, &out)
}

// NewEpoch begins an epoch of the rule log, after a backup was restored.
func (c *Client) NewEpoch(ctx context.Context) (out api.Epoch, err error) {
	return out, c.do(ctx, "POST", "/v1/admin/revocation/new-epoch", nil, &out)
}

// asHolder sends the access token where there is one, else the client's secret.
func (c *Client) asHolder() *Client {
	if c.token != "" {
		return c
	}
	return c.provingItself()
}
