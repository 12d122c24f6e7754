package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
	"github.com/portaria/portaria/internal/webhook"
	"github.com/portaria/portaria/internal/webhook/push"
)

// Webhooks is the part of a Store that keeps subscriptions to events, and what
// became of deliveries.
type Webhooks struct{ store *Store }

var _ webhook.Store = Webhooks{}

// Webhooks returns the part that fulfils [webhook.Store].
func (s *Store) Webhooks() Webhooks { return Webhooks{s} }

// Create implements [webhook.Registry].
func (w Webhooks) Create(ctx context.Context, s webhook.Subscription, written ...event.Event) error {
	types, err := json.Marshal(s.Types)
	if err != nil {
		return wrap("create webhook", err)
	}
	_, err = writeLog(ctx, w.store, "", func(q *query.Queries, ctx context.Context, add *additions) (none, error) {
		add.record(written)
		if err := creatable(ctx, q, s.ClientID); err != nil {
			return none{}, err
		}
		return none{}, q.InsertWebhook(ctx, query.InsertWebhookParams{
			ID:           s.ID,
			ClientID:     s.ClientID,
			Format:       string(s.Format),
			Url:          s.URL,
			Types:        string(types),
			AllowPrivate: s.AllowPrivate,
			Generation:   s.Generation,
			RotatedAt:    millis(s.RotatedAt),
			CreatedAt:    millis(s.CreatedAt),
			DisabledAt:   nullMillis(s.DisabledAt),
			DisabledWhy:  string(s.DisabledWhy),
			DoneSeq:      s.Cursor,
			Failures:     int64(s.Failures),
			FailingSince: nullMillis(s.FailingSince),
			NextAt:       nullMillis(s.NextAt),

			KeptGeneration: s.KeptGeneration,
		})
	})
	return wrap("create webhook", err)
}

func creatable(ctx context.Context, q *query.Queries, clientID string) error {
	n, err := q.CountWebhooks(ctx)
	if err != nil {
		return err
	}
	exists, err := q.ClientExists(ctx, clientID)
	switch {
	case err != nil:
		return err
	case n >= webhook.MaxSubscriptions:
		return webhook.ErrTooMany
	case !exists:
		return webhook.ErrNoClient
	}
	return nil
}

// Find implements [webhook.Registry].
func (w Webhooks) Find(ctx context.Context, id string) (webhook.Subscription, error) {
	row, err := read(ctx, w.store, func(q *query.Queries, ctx context.Context) (query.Webhook, error) {
		return q.Webhook(ctx, id)
	})
	return found("find webhook", row, err)
}

func found(what string, row query.Webhook, err error) (webhook.Subscription, error) {
	if err != nil {
		return webhook.Subscription{}, missing(what, err, webhook.ErrNotFound)
	}
	s, err := toSubscription(row)
	return s, wrap(what, err)
}

// List implements [webhook.Registry].
func (w Webhooks) List(ctx context.Context) ([]webhook.Subscription, error) {
	rows, err := read(ctx, w.store, (*query.Queries).Webhooks)
	if err != nil {
		return nil, wrap("list webhooks", err)
	}
	list := make([]webhook.Subscription, len(rows))
	for i, row := range rows {
		if list[i], err = toSubscription(row); err != nil {
			break
		}
	}
	return list, wrap("list webhooks", err)
}

// Delete implements [webhook.Registry].
func (w Webhooks) Delete(ctx context.Context, id string, written ...event.Event) error {
	return w.change(ctx, "delete webhook", written, func(q *query.Queries, ctx context.Context) (int64, error) {
		return q.DeleteWebhook(ctx, id)
	})
}

// NextSecret implements [webhook.Registry].
func (w Webhooks) NextSecret(ctx context.Context, id string, at time.Time, written ...event.Event) (webhook.Subscription, error) {
	row, err := writeLog(ctx, w.store, "", func(q *query.Queries, ctx context.Context, add *additions) (query.Webhook, error) {
		add.record(written)
		return q.NextWebhookSecret(ctx, query.NextWebhookSecretParams{
			At: millis(at), Recent: millis(at.Add(-webhook.Overlap)), ID: id,
		})
	})
	return found("rotate secret of webhook", row, err)
}

// Disable implements [webhook.Registry].
func (w Webhooks) Disable(ctx context.Context, id string, why webhook.Reason, at time.Time, written ...event.Event) error {
	return w.change(ctx, "disable webhook", written, func(q *query.Queries, ctx context.Context) (int64, error) {
		if at.IsZero() {
			return q.EnableWebhook(ctx, id)
		}
		return q.DisableWebhook(ctx, query.DisableWebhookParams{Why: string(why), At: nullMillis(at), ID: id})
	})
}

// Seek implements [webhook.Registry].
func (w Webhooks) Seek(ctx context.Context, id string, cursor int64, written ...event.Event) error {
	return w.change(ctx, "move cursor of webhook", written, func(q *query.Queries, ctx context.Context) (int64, error) {
		return q.SeekWebhook(ctx, cursor, id)
	})
}

// change runs an update of one subscription, and writes the events in the same
// step.
func (w Webhooks) change(ctx context.Context, what string, written []event.Event, ask func(*query.Queries, context.Context) (int64, error)) error {
	rows, err := writeLog(ctx, w.store, "", func(q *query.Queries, ctx context.Context, add *additions) (int64, error) {
		rows, err := ask(q, ctx)
		if err == nil && rows > 0 {
			add.record(written)
		}
		return rows, err
	})
	return some(what, rows, err, webhook.ErrNotFound)
}

// Lease implements [webhook.Queue].
func (w Webhooks) Lease(ctx context.Context, l webhook.Lease) (webhook.Subscription, bool, error) {
	row, err := write(ctx, w.store, func(q *query.Queries, ctx context.Context) (query.Webhook, error) {
		return q.LeaseWebhook(ctx, query.LeaseWebhookParams{
			Holder: l.Holder, Until: millis(l.Until), ID: l.ID, Now: millis(l.Now),
		})
	})
	return perhaps("lease webhook", row, err)
}

// perhaps is a row that may not be there.
func perhaps(what string, row query.Webhook, err error) (webhook.Subscription, bool, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return webhook.Subscription{}, false, nil
	}
	s, err := found(what, row, err)
	return s, err == nil, err
}

// Release implements [webhook.Queue].
func (w Webhooks) Release(ctx context.Context, id, holder string) error {
	_, err := write(ctx, w.store, func(q *query.Queries, ctx context.Context) (none, error) {
		return none{}, q.ReleaseWebhook(ctx, id, holder)
	})
	return wrap("release webhook", err)
}

// Record implements [webhook.Queue].
func (w Webhooks) Record(ctx context.Context, s webhook.Step) (webhook.Subscription, bool, error) {
	var row query.Webhook
	var err error
	if len(s.Written) == 0 {
		row, err = writeAll(ctx, w.store, func(q *query.Queries, ctx context.Context) (query.Webhook, error) {
			return recordStep(ctx, q, s)
		})
	} else {
		row, err = writeLog(ctx, w.store, "", func(q *query.Queries, ctx context.Context, add *additions) (query.Webhook, error) {
			add.record(s.Written)
			return recordStep(ctx, q, s)
		})
	}
	return perhaps("record delivery", row, err)
}

func recordStep(ctx context.Context, q *query.Queries, s webhook.Step) (query.Webhook, error) {
	row, err := q.StepWebhook(ctx, stepParams(s))
	if err != nil || s.Attempt == nil {
		return row, err
	}
	return row, recordAttempts(ctx, q, row, s)
}

func stepParams(s webhook.Step) query.StepWebhookParams {
	p := query.StepWebhookParams{
		DoneSeq:      s.Cursor,
		Failures:     int64(s.Failures),
		FailingSince: nullMillis(s.FailingSince),
		NextAt:       nullMillis(s.NextAt),
		ID:           s.ID,
		Holder:       s.Holder,
		FromSeq:      s.From,
	}
	if !s.LeaseUntil.IsZero() {
		p.LeaseUntil = millis(s.LeaseUntil)
	}
	if s.Attempt != nil {
		p.Tries = int64(len(s.Delivered)) + 1
	}
	if s.Gone && s.Attempt != nil {
		p.DisabledAt, p.DisabledWhy = nullMillis(s.Attempt.At), string(webhook.ReasonGone)
	}
	return p
}

// recordAttempts records the tries of a step. Of very many, only the last are
// kept anyway.
func recordAttempts(ctx context.Context, q *query.Queries, row query.Webhook, s webhook.Step) error {
	n := row.Tries - int64(len(s.Delivered))
	for _, a := range s.Delivered {
		if err := recordAttempt(ctx, q, query.Webhook{ID: row.ID, Tries: n}, a, false); err != nil {
			return err
		}
		n++
	}
	return recordAttempt(ctx, q, row, *s.Attempt, s.Dead)
}

func recordAttempt(ctx context.Context, q *query.Queries, row query.Webhook, a webhook.Attempt, dead bool) error {
	letter := query.InsertWebhookDeadLetterParams{
		WebhookID: row.ID, Seq: a.Seq, EventID: a.EventID, Type: a.Type, At: millis(a.At),
		Status: int64(a.Status), Duration: a.Duration.Milliseconds(), Failure: string(a.Failure),
	}
	err := q.InsertWebhookAttempt(ctx, query.InsertWebhookAttemptParams{
		WebhookID: row.ID, N: row.Tries, Seq: a.Seq, EventID: a.EventID, Type: a.Type, At: letter.At,
		Status: letter.Status, Duration: letter.Duration, Failure: letter.Failure,
	})
	if err == nil {
		err = q.TrimWebhookAttempts(ctx, row.ID, row.Tries-webhook.KeptAttempts)
	}
	switch {
	case err != nil:
		return err
	case dead:
		return q.InsertWebhookDeadLetter(ctx, letter)
	case a.OK():
		return q.DeleteWebhookDeadLetter(ctx, row.ID, a.Seq)
	}
	return nil
}

// Redelivered implements [webhook.History].
func (w Webhooks) Redelivered(ctx context.Context, id string, a webhook.Attempt) error {
	_, err := writeAll(ctx, w.store, func(q *query.Queries, ctx context.Context) (none, error) {
		tries, err := q.CountWebhookTry(ctx, id)
		if err != nil {
			return none{}, err
		}
		return none{}, recordAttempt(ctx, q, query.Webhook{ID: id, Tries: tries}, a, false)
	})
	return missing("record redelivery", err, webhook.ErrNotFound)
}

// Attempts implements [webhook.History].
func (w Webhooks) Attempts(ctx context.Context, id string, limit int) ([]webhook.Attempt, error) {
	rows, err := read(ctx, w.store, func(q *query.Queries, ctx context.Context) ([]query.WebhookAttempt, error) {
		return q.WebhookAttempts(ctx, id, pageLimit(limit))
	})
	list := make([]webhook.Attempt, len(rows))
	for i, row := range rows {
		list[i] = toAttempt(query.WebhookDeadLetter{WebhookID: row.WebhookID, Seq: row.Seq, EventID: row.EventID, Type: row.Type,
			At: row.At, Status: row.Status, Duration: row.Duration, Failure: row.Failure})
	}
	return list, wrap("list deliveries", err)
}

// DeadLetters implements [webhook.History].
func (w Webhooks) DeadLetters(ctx context.Context, id string, after int64, limit int) ([]webhook.Attempt, error) {
	rows, err := read(ctx, w.store, func(q *query.Queries, ctx context.Context) ([]query.WebhookDeadLetter, error) {
		return q.WebhookDeadLetters(ctx, query.WebhookDeadLettersParams{WebhookID: id, After: after, PageLimit: pageLimit(limit)})
	})
	list := make([]webhook.Attempt, len(rows))
	for i, row := range rows {
		list[i] = toAttempt(row)
	}
	return list, wrap("list dead letters", err)
}

// PruneDeadLetters implements [webhook.History], in portions as
// [Store.PruneSessions].
func (w Webhooks) PruneDeadLetters(ctx context.Context, t time.Time) (int, error) {
	n, err := w.store.prune(ctx, t, (*query.Queries).PruneWebhookDeadLetters)
	return n, wrap("prune dead letters", err)
}

func toAttempt(row query.WebhookDeadLetter) webhook.Attempt {
	return webhook.Attempt{
		Seq:      row.Seq,
		EventID:  row.EventID,
		Type:     row.Type,
		At:       moment(row.At),
		Status:   int(row.Status),
		Duration: time.Duration(row.Duration) * time.Millisecond,
		Failure:  push.Failure(row.Failure),
	}
}

func toSubscription(row query.Webhook) (webhook.Subscription, error) {
	s := webhook.Subscription{
		ID:           row.ID,
		ClientID:     row.ClientID,
		Format:       webhook.Format(row.Format),
		URL:          row.Url,
		AllowPrivate: row.AllowPrivate,
		Generation:   row.Generation,
		RotatedAt:    moment(row.RotatedAt),
		CreatedAt:    moment(row.CreatedAt),
		DisabledAt:   nullMoment(row.DisabledAt),
		DisabledWhy:  webhook.Reason(row.DisabledWhy),

		KeptGeneration: row.KeptGeneration,
		Progress: webhook.Progress{
			Cursor:       row.DoneSeq,
			Failures:     int(row.Failures),
			FailingSince: nullMoment(row.FailingSince),
			NextAt:       nullMoment(row.NextAt),
		},
	}
	if err := json.Unmarshal([]byte(row.Types), &s.Types); err != nil {
		return webhook.Subscription{}, fmt.Errorf("webhook %s: types: %w", row.ID, err)
	}
	return s, nil
}
