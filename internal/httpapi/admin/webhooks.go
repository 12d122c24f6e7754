package admin

import (
	"context"
	"errors"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/webhook"
)

func (a admin) createWebhook(ctx context.Context, _ access.Caller, in api.NewWebhook) (api.WebhookMade, error) {
	sub, secret, err := a.Webhooks.Create(ctx, webhook.Subscription{
		ClientID:     in.ClientID,
		Format:       webhook.Format(in.Format),
		URL:          in.URL,
		Types:        in.Types,
		AllowPrivate: in.AllowPrivate,
	})
	var fault webhook.Fault
	if errors.As(err, &fault) {
		return api.WebhookMade{}, problem.Field(fault.Field, fault.Detail)
	}
	return api.WebhookMade{Webhook: webhookOf(sub), WebhookSecret: api.WebhookSecret{Secret: secret.Reveal()}}, err
}

func (a admin) listWebhooks(ctx context.Context, _ access.Caller, _ endpoint.None) (api.Webhooks, error) {
	list, err := a.Webhooks.Store.List(ctx)
	out := api.Webhooks{Webhooks: make([]api.Webhook, len(list))}
	for i, sub := range list {
		out.Webhooks[i] = webhookOf(sub)
	}
	return out, err
}

func (a admin) showWebhook(ctx context.Context, _ access.Caller, in api.ID) (api.Webhook, error) {
	sub, err := a.Webhooks.Store.Find(ctx, in.ID)
	return webhookOf(sub), err
}

func (a admin) deleteWebhook(ctx context.Context, _ access.Caller, in api.ID) (endpoint.None, error) {
	return endpoint.None{}, a.Webhooks.Delete(ctx, in.ID)
}

func (a admin) rotateWebhookSecret(ctx context.Context, _ access.Caller, in api.ID) (api.WebhookSecret, error) {
	secret, err := a.Webhooks.RotateSecret(ctx, in.ID)
	return api.WebhookSecret{Secret: secret.Reveal()}, err
}

func (a admin) enableWebhook(ctx context.Context, _ access.Caller, in api.ID) (endpoint.None, error) {
	return endpoint.None{}, a.Webhooks.Enable(ctx, in.ID)
}

func (a admin) disableWebhook(ctx context.Context, _ access.Caller, in api.ID) (endpoint.None, error) {
	return endpoint.None{}, a.Webhooks.Disable(ctx, in.ID)
}

func (a admin) replayWebhook(ctx context.Context, _ access.Caller, in api.WebhookReplay) (api.WebhookReplayed, error) {
	cursor, err := a.Webhooks.Replay(ctx, in.ID, in.Since)
	return api.WebhookReplayed{Cursor: cursor}, err
}

func (a admin) deliveries(ctx context.Context, _ access.Caller, in api.DeliveryPage) (api.Deliveries, error) {
	limit, err := a.historyOf(ctx, in)
	if err != nil {
		return api.Deliveries{}, err
	}
	list, err := a.Webhooks.Store.Attempts(ctx, in.ID, limit)
	return deliveriesOf(list), err
}

func (a admin) deadLetters(ctx context.Context, _ access.Caller, in api.DeadLetterPage) (api.Deliveries, error) {
	limit, err := a.historyOf(ctx, in.DeliveryPage)
	if err != nil {
		return api.Deliveries{}, err
	}
	list, err := a.Webhooks.Store.DeadLetters(ctx, in.ID, int64(in.After), limit)
	return deliveriesOf(list), err
}

// historyOf checks that the webhook exists, and returns the limit of the page.
func (a admin) historyOf(ctx context.Context, in api.DeliveryPage) (limit int, err error) {
	if limit, err = endpoint.PageLimit(in.Limit); err != nil {
		return 0, err
	}
	_, err = a.Webhooks.Store.Find(ctx, in.ID)
	return limit, err
}

func (a admin) redeliver(ctx context.Context, _ access.Caller, in api.DeadLetter) (api.Delivery, error) {
	attempt, err := a.Webhooks.Redeliver(ctx, in.ID, in.Event)
	return deliveryOf(attempt), err
}

func (a admin) pollEvents(ctx context.Context, c access.Caller, in api.EventPoll) (api.PolledEvents, error) {
	ask := webhook.Ask{Max: -1, Immediately: in.ReturnImmediately, Ack: in.Ack, Errors: map[string]string{}}
	if in.MaxEvents != nil {
		ask.Max = *in.MaxEvents
	}
	for id, fail := range in.SetErrs {
		ask.Errors[id] = fail.Err
	}
	answer, err := a.Webhooks.Poll(ctx, in.ID, c.ClientID(), ask)
	return api.PolledEvents{Sets: answer.Sets, MoreAvailable: answer.More}, err
}

func webhookOf(s webhook.Subscription) api.Webhook {
	return api.Webhook{
		ID:           s.ID,
		ClientID:     s.ClientID,
		Format:       string(s.Format),
		URL:          s.URL,
		Types:        s.Types,
		AllowPrivate: s.AllowPrivate,
		CreatedAt:    s.CreatedAt,
		RotatedAt:    s.RotatedAt,
		DisabledAt:   endpoint.Optional(s.DisabledAt),
		DisabledWhy:  string(s.DisabledWhy),
		Cursor:       s.Cursor,
		Failures:     s.Failures,
		FailingSince: endpoint.Optional(s.FailingSince),
		NextAt:       endpoint.Optional(s.NextAt),
	}
}

func deliveriesOf(list []webhook.Attempt) api.Deliveries {
	out := api.Deliveries{Deliveries: make([]api.Delivery, len(list))}
	for i, attempt := range list {
		out.Deliveries[i] = deliveryOf(attempt)
	}
	return out
}

func deliveryOf(a webhook.Attempt) api.Delivery {
	return api.Delivery{Seq: a.Seq, EventID: a.EventID, Type: a.Type, At: a.At, Status: a.Status,
		Duration: a.Duration.Milliseconds(), Failure: string(a.Failure)}
}
