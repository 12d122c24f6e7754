package admincli

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/cli"
)

// WebhookCommand is the command line for webhooks.
type WebhookCommand struct {
	Create       webhookCreate     `cmd:"" effect:"changes" help:"Subscribe a client to events; prints the secret."`
	List         webhookList       `cmd:"" effect:"reads" help:"List subscriptions with the state of their delivery."`
	Show         webhookShow       `cmd:"" effect:"reads" help:"Show a subscription."`
	RotateSecret webhookRotate     `cmd:"" effect:"changes" help:"Create a new secret; for a day both secrets sign."`
	Disable      webhookDisable    `cmd:"" effect:"changes" help:"Stop delivery; events are kept."`
	Enable       webhookEnable     `cmd:"" effect:"changes" help:"Resume delivery where it stopped."`
	Delete       webhookDelete     `cmd:"" effect:"destroys" help:"Delete a subscription with its history."`
	Replay       webhookReplay     `cmd:"" effect:"changes" help:"Deliver events since a time again."`
	Deliveries   webhookDeliveries `cmd:"" effect:"reads" help:"List recent delivery attempts, newest first."`
	DeadLetter   webhookDeadLetter `cmd:"" effect:"changes" help:"List undelivered events, or deliver one again."`
}

type webhookCreate struct {
	Client       string   `arg:"" help:"Client that the subscription belongs to."`
	URL          string   `name:"to" help:"Where events are sent; https." placeholder:"URL"`
	Types        []string `help:"What to send: session.ended, session.*, *." default:"*" placeholder:"TYPE,…"`
	Format       string   `help:"standard: signed JSON; set: security event tokens, pushed; poll: fetched." enum:"standard,set,poll" default:"standard" placeholder:"standard|set|poll"`
	AllowPrivate bool     `help:"The URL may be in a private network."`
}

// Run subscribes a client and prints the secret.
func (a webhookCreate) Run(c *cli.Call) error {
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	made, err := admin.CreateWebhook(c, api.NewWebhook{
		ClientID: a.Client, Format: a.Format, URL: a.URL, Types: a.Types, AllowPrivate: a.AllowPrivate,
	})
	if err != nil {
		return err
	}
	what := "created webhook " + cli.Printable(made.ID)
	if c.JSON || made.Secret == "" {
		return c.Say(made, "%s", what)
	}
	return c.PrintSecret(what, made.Secret)
}

type webhookList struct{}

// Run lists subscriptions.
func (webhookList) Run(c *cli.Call) error {
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	list, err := admin.Webhooks(c)
	if err != nil {
		return err
	}
	return c.List(list, webhookTable(list.Webhooks))
}

func webhookTable(list []api.Webhook) cli.Table {
	t := cli.Table{Columns: cli.Columns("#ID", "CLIENT", "FORMAT", "TYPES", "TO", "STATE")}
	for _, w := range list {
		t.Rows = append(t.Rows, []string{w.ID, w.ClientID, w.Format, strings.Join(w.Types, ","), cmp.Or(w.URL, "-"), deliveryState(w)})
	}
	return t
}

// deliveryState describes whether events arrive.
func deliveryState(w api.Webhook) string {
	switch {
	case w.DisabledAt != nil && w.DisabledWhy == "gone":
		return "disabled (410 Gone) since " + cli.Clock(*w.DisabledAt)
	case w.DisabledAt != nil:
		return "disabled since " + cli.Clock(*w.DisabledAt)
	case w.FailingSince != nil:
		return fmt.Sprintf("failing since %s, %d attempts", cli.Clock(*w.FailingSince), w.Failures)
	}
	return "working"
}

// hook names one subscription.
type hook struct {
	ID string `arg:"" help:"Id of the subscription, or its beginning."`
}

// with calls act with the full id of the subscription.
func (h hook) with(c *cli.Call, act func(admin *client.Client, id string) error) error {
	return which(h).with(c, func(admin *client.Client) error {
		if _, err := uuid.Parse(h.ID); err == nil {
			return act(admin, h.ID)
		}
		list, err := admin.Webhooks(c)
		if err != nil {
			return err
		}
		var ids []string
		for _, w := range list.Webhooks {
			ids = append(ids, w.ID)
		}
		id, ok, err := cli.Match("webhooks", h.ID, ids)
		switch {
		case err != nil:
			return err
		case !ok:
			return fmt.Errorf("no webhook is called %s", cli.Printable(h.ID))
		}
		return act(admin, id)
	})
}

// done prints what was done to the subscription.
func done(c *cli.Call, format, id string) error {
	return c.Say(api.Created{ID: id}, format, cli.Printable(id))
}

type webhookShow struct{ hook }

// Run shows a subscription.
func (a webhookShow) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client, id string) error {
		w, err := admin.Webhook(c, id)
		if err != nil {
			return err
		}
		return c.List(w, webhookDetails(w))
	})
}

func webhookDetails(w api.Webhook) cli.Table {
	rows := [][]string{
		{"id", w.ID}, {"client", w.ClientID}, {"format", w.Format}, {"to", cmp.Or(w.URL, "-")}, {"types", strings.Join(w.Types, " ")},
		{"private networks", map[bool]string{true: "allowed", false: "refused"}[w.AllowPrivate]},
		{"created", cli.Clock(w.CreatedAt)}, {"secret created", cli.Clock(w.RotatedAt)},
		{"state", deliveryState(w)}, {"position in the log", strconv.FormatInt(w.Cursor, 10)},
	}
	if w.NextAt != nil {
		rows = append(rows, []string{"next attempt", cli.Clock(*w.NextAt)})
	}
	return cli.Details(rows)
}

type webhookRotate struct{ hook }

// Run creates another secret.
func (a webhookRotate) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client, id string) error {
		made, err := admin.RotateWebhookSecret(c, id)
		if err != nil {
			return err
		}
		if c.JSON {
			return c.Say(made, "")
		}
		return c.PrintSecret("rotated the secret of "+cli.Printable(id)+"; for a day, the previous secret signs as well", made.Secret)
	})
}

type webhookDisable struct{ hook }

// Run stops delivery.
func (a webhookDisable) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client, id string) error {
		if err := admin.DisableWebhook(c, id); err != nil {
			return err
		}
		return done(c, "disabled webhook %s", id)
	})
}

type webhookEnable struct{ hook }

// Run resumes delivery.
func (a webhookEnable) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client, id string) error {
		if err := admin.EnableWebhook(c, id); err != nil {
			return err
		}
		return done(c, "enabled webhook %s", id)
	})
}

type webhookDelete struct {
	hook
	cli.Consent
}

// Consequence says what will be deleted.
func (a webhookDelete) Consequence(*cli.Call) (string, error) {
	return "Webhook " + cli.Printable(a.ID) + " will be deleted, with its history and its position in the event log.", nil
}

// Run deletes a subscription.
func (a webhookDelete) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client, id string) error {
		if err := admin.DeleteWebhook(c, id); err != nil {
			return err
		}
		return done(c, "deleted webhook %s", id)
	})
}

type webhookReplay struct {
	hook
	Since string `required:"" help:"Start time (2026-11-22T08:00:00Z), or a duration before now (90m, 2h)." placeholder:"WHEN"`
}

// Run delivers events again.
func (a webhookReplay) Run(c *cli.Call) error {
	since, err := moment("--since", a.Since, time.Now())
	if err != nil {
		return cli.Misuse("%w", err)
	}
	return a.with(c, func(admin *client.Client, id string) error {
		from, err := time.Parse(time.RFC3339, since)
		if err != nil {
			return cli.Misuse("--since: %w", err)
		}
		replayed, err := admin.ReplayWebhook(c, api.WebhookReplay{ID: id, Since: from})
		if err != nil {
			return err
		}
		return c.Say(replayed, "delivering to %s again all events since %s (after event %d)", cli.Printable(id), cli.Clock(from), replayed.Cursor)
	})
}

type webhookDeliveries struct {
	hook
	Limit int `help:"Number of entries to list: 1 to 200." placeholder:"N"`
}

// Run lists delivery attempts.
func (a webhookDeliveries) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client, id string) error {
		list, err := admin.Deliveries(c, api.DeliveryPage{ID: id, Limit: a.Limit})
		if err != nil {
			return err
		}
		return c.List(list, deliveryTable(list.Deliveries))
	})
}

func deliveryTable(list []api.Delivery) cli.Table {
	t := cli.Table{Columns: cli.Columns("=AT", "#EVENT", "TYPE", "=STATUS", "=TOOK", "RESULT")}
	for _, d := range list {
		status := "-"
		if d.Status != 0 {
			status = strconv.Itoa(d.Status)
		}
		took := time.Duration(d.Duration) * time.Millisecond
		t.Rows = append(t.Rows, []string{cli.Clock(d.At), d.EventID, d.Type, status, took.String(), cmp.Or(d.Failure, "ok")})
	}
	return t
}

type webhookDeadLetter struct {
	hook
	Redeliver string `help:"Deliver this event again now. Its id may be abbreviated." placeholder:"EVENT"`
	After     int    `help:"Start after the event with this sequence number." placeholder:"SEQ"`
	Limit     int    `help:"Number of entries to list: 1 to 200." placeholder:"N"`
}

// Run lists dead letters, or redelivers one.
func (a webhookDeadLetter) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client, id string) error {
		if a.Redeliver != "" {
			return redeliver(c, admin, id, a.Redeliver)
		}
		list, err := admin.DeadLetters(c, api.DeadLetterPage{
			DeliveryPage: api.DeliveryPage{ID: id, Limit: a.Limit}, After: a.After,
		})
		if err != nil {
			return err
		}
		return c.List(list, deliveryTable(list.Deliveries))
	})
}

// redeliver delivers an undelivered event again. The full id of the event need not be
// among the dead letters that one request returns.
func redeliver(c *cli.Call, admin *client.Client, id, event string) error {
	if _, err := uuid.Parse(event); err != nil {
		list, err := admin.DeadLetters(c, api.DeadLetterPage{DeliveryPage: api.DeliveryPage{ID: id, Limit: searchPage}})
		if err != nil {
			return err
		}
		var ids []string
		for _, d := range list.Deliveries {
			ids = append(ids, d.EventID)
		}
		full, ok, err := cli.Match("dead letters", event, ids)
		switch {
		case err != nil:
			return err
		case !ok:
			return fmt.Errorf("no dead letter is called %s; give the whole id, which --wide shows", cli.Printable(event))
		}
		event = full
	}
	got, err := admin.Redeliver(c, api.DeadLetter{ID: id, Event: event})
	if err != nil {
		return err
	}
	if err := c.List(got, deliveryTable([]api.Delivery{got})); err != nil {
		return err
	}
	if got.Failure != "" {
		return errors.New("the receiver did not accept the event: " + cli.Printable(got.Failure))
	}
	return nil
}
