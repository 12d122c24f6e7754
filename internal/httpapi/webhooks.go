package httpapi

import (
	"context"
	"errors"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/webhook"
)

func (s *Server) createWebhook(ctx context.Context, _ Caller, in api.NewWebhook) (api.WebhookMade, error) {
	sub, secret, err := s.Webhooks.Create(ctx, webhook.Subscription{
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

func (s *Server) listWebhooks(ctx context.Context, _ Caller, _ endpoint.None) (api.Webhooks, error) {
	list, err := s.Webhooks.Store.List(ctx)
	out := api.Webhooks{Webhooks: make([]api.Webhook, len(list))}
	for i, sub := range list {
		out.Webhooks[i] = webhookOf(sub)
	}
	return out, err
}

func (s *Server) showWebhook(ctx context.Context, _ Caller, in api.ID) (api.Webhook, error) {
	sub, err := s.Webhooks.Store.Find(ctx, in.ID)
	return webhookOf(sub), err
}

func (s *Server) deleteWebhook(ctx context.Context, _ Caller, in api.ID) (endpoint.None, error) {
	return endpoint.None{}, s.Webhooks.Delete(ctx, in.ID)
}

func (s *Server) rotateWebhookSecret(ctx context.Context, _ Caller, in api.ID) (api.WebhookSecret, error) {
	secret, err := s.Webhooks.RotateSecret(ctx, in.ID)
	return api.WebhookSecret{Secret: secret.Reveal()}, err
}

func (s *Server) enableWebhook(ctx context.Context, _ Caller, in api.ID) (endpoint.None, error) {
	return endpoint.None{}, s.Webhooks.Enable(ctx, in.ID)
}

func (s *Server) disableWebhook(ctx context.Context, _ Caller, in api.ID) (endpoint.None, error) {
	return endpoint.None{}, s.Webhooks.Disable(ctx, in.ID)
}

func (s *Server) replayWebhook(ctx context.Context, _ Caller, in api.WebhookReplay) (api.WebhookReplayed, error) {
	cursor, err := s.Webhooks.Replay(ctx, in.ID, in.Since)
	return api.WebhookReplayed{Cursor: cursor}, err
}

func (s *Server) deliveries(ctx context.Context, _ Caller, in api.DeliveryPage) (api.Deliveries, error) {
	limit, err := s.historyOf(ctx, in)
	if err != nil {
		return api.Deliveries{}, err
	}
	list, err := s.Webhooks.Store.Attempts(ctx, in.ID, limit)
	return deliveriesOf(list), err
}

func (s *Server) deadLetters(ctx context.Context, _ Caller, in api.DeadLetterPage) (api.Deliveries, error) {
	limit, err := s.historyOf(ctx, in.DeliveryPage)
	if err != nil {
		return api.Deliveries{}, err
	}
	list, err := s.Webhooks.Store.DeadLetters(ctx, in.ID, int64(in.After), limit)
	return deliveriesOf(list), err
}

// historyOf tells an unknown webhook from one that nothing became of yet.
func (s *Server) historyOf(ctx context.Context, in api.DeliveryPage) (limit int, err error) {
	if limit, err = endpoint.PageLimit(in.Limit); err != nil {
		return 0, err
	}
	_, err = s.Webhooks.Store.Find(ctx, in.ID)
	return limit, err
}

func (s *Server) redeliver(ctx context.Context, _ Caller, in api.DeadLetter) (api.Delivery, error) {
	attempt, err := s.Webhooks.Redeliver(ctx, in.ID, in.Event)
	return deliveryOf(attempt), err
}

func (s *Server) pollEvents(ctx context.Context, c Caller, in api.EventPoll) (api.PolledEvents, error) {
	ask := webhook.Ask{Max: -1, Immediately: in.ReturnImmediately, Ack: in.Ack, Errors: map[string]string{}}
	if in.MaxEvents != nil {
		ask.Max = *in.MaxEvents
	}
	for id, fail := range in.SetErrs {
		ask.Errors[id] = fail.Err
	}
	answer, err := s.Webhooks.Poll(ctx, in.ID, c.client(), ask)
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
		DisabledAt:   optional(s.DisabledAt),
		DisabledWhy:  string(s.DisabledWhy),
		Cursor:       s.Cursor,
		Failures:     s.Failures,
		FailingSince: optional(s.FailingSince),
		NextAt:       optional(s.NextAt),
	}
}

// optional is absent from a response when it is zero.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
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
