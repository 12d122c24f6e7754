package client

import (
	"context"
	"net/url"
	"strconv"

	"github.com/portaria/portaria/api"
)

// The calls of this file but Poll need an access token with the scope
// api.AdminScope.

const adminWebhooks = "/v1/admin/webhooks"

func webhookPath(id string) string { return adminWebhooks + "/" + url.PathEscape(id) }

// Webhooks lists the subscriptions to events.
func (c *Client) Webhooks(ctx context.Context) (out api.Webhooks, err error) {
	return out, c.do(ctx, "GET", adminWebhooks, nil, &out)
}

// CreateWebhook subscribes a client to what happens from now on.
func (c *Client) CreateWebhook(ctx context.Context, in api.NewWebhook) (out api.WebhookMade, err error) {
	return out, c.do(ctx, "POST", adminWebhooks, in, &out)
}

// Webhook shows a subscription.
func (c *Client) Webhook(ctx context.Context, id string) (out api.Webhook, err error) {
	return out, c.do(ctx, "GET", webhookPath(id), nil, &out)
}

// DeleteWebhook deletes a subscription with its history.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	return c.do(ctx, "DELETE", webhookPath(id), nil, nil)
}

// RotateWebhookSecret makes another secret; for a day both sign.
func (c *Client) RotateWebhookSecret(ctx context.Context, id string) (out api.WebhookSecret, err error) {
	return out, c.do(ctx, "POST", webhookPath(id)+"/secret", nil, &out)
}

// DisableWebhook stops delivery; events wait.
func (c *Client) DisableWebhook(ctx context.Context, id string) error {
	return c.do(ctx, "POST", webhookPath(id)+"/disable", nil, nil)
}

// EnableWebhook lets delivery go on where it stopped.
func (c *Client) EnableWebhook(ctx context.Context, id string) error {
	return c.do(ctx, "POST", webhookPath(id)+"/enable", nil, nil)
}

// ReplayWebhook sends again what has happened since a moment.
func (c *Client) ReplayWebhook(ctx context.Context, in api.WebhookReplay) (out api.WebhookReplayed, err error) {
	return out, c.do(ctx, "POST", webhookPath(in.ID)+"/replay", in, &out)
}

// Deliveries lists the last tries of a subscription, newest first.
func (c *Client) Deliveries(ctx context.Context, in api.DeliveryPage) (out api.Deliveries, err error) {
	return out, c.do(ctx, "GET", webhookPath(in.ID)+"/deliveries"+query(api.Page{Limit: in.Limit}), nil, &out)
}

// DeadLetters lists events that were given up, oldest first.
func (c *Client) DeadLetters(ctx context.Context, in api.DeadLetterPage) (out api.Deliveries, err error) {
	after := ""
	if in.After > 0 {
		after = strconv.Itoa(in.After)
	}
	return out, c.do(ctx, "GET", webhookPath(in.ID)+"/dead-letters"+query(api.Page{Limit: in.Limit}, "after", after), nil, &out)
}

// Redeliver tries an event that was given up once more, now.
func (c *Client) Redeliver(ctx context.Context, in api.DeadLetter) (out api.Delivery, err error) {
	path := webhookPath(in.ID) + "/dead-letters/" + url.PathEscape(in.Event) + "/redeliver"
	return out, c.do(ctx, "POST", path, nil, &out)
}

// PollEvents fetches and acknowledges security event tokens (RFC 8936), for the
// client that the subscription belongs to: with an access token of it, or with
// its secret (AsClient). It needs the scope api.EventsReadScope.
func (c *Client) PollEvents(ctx context.Context, in api.EventPoll) (out api.PolledEvents, err error) {
	caller := c
	if c.token == "" {
		caller = c.provingItself()
	}
	return out, caller.do(ctx, "POST", "/v1/events/"+url.PathEscape(in.ID)+"/poll", in, &out)
}
