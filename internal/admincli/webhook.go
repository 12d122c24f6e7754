package admincli

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/cli"
)

// WebhookCommand is the command line for webhooks.
type WebhookCommand struct {
	Create       webhookCreate     `cmd:"" help:"Subscribe a client to events; prints the secret."`
	List         webhookList       `cmd:"" help:"List subscriptions with the state of their delivery."`
	Show         webhookShow       `cmd:"" help:"Show a subscription."`
	RotateSecret webhookRotate     `cmd:"" help:"Create a new secret; for a day both secrets sign."`
	Disable      webhookDisable    `cmd:"" help:"Stop delivery; events are kept."`
	Enable       webhookEnable     `cmd:"" help:"Resume delivery where it stopped."`
	Delete       webhookDelete     `cmd:"" help:"Delete a subscription with its history."`
	Replay       webhookReplay     `cmd:"" help:"Deliver events since a time again."`
	Deliveries   webhookDeliveries `cmd:"" help:"List recent delivery attempts, newest first."`
	DeadLetter   webhookDeadLetter `cmd:"" help:"List undelivered events, or deliver one again."`
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
	return c.TellSecret(what, made.Secret)
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
	rows := [][]string{{"ID", "CLIENT", "FORMAT", "TYPES", "TO", "STATE"}}
	for _, w := range list.Webhooks {
		rows = append(rows, []string{w.ID, w.ClientID, w.Format, cli.Short(strings.Join(w.Types, ",")), cli.Short(cmp.Or(w.URL, "-")), faring(w)})
	}
	return c.Print(list, rows)
}

// faring is how a subscription fares, in words.
func faring(w api.Webhook) string {
	switch {
	case w.DisabledAt != nil && w.DisabledWhy == "gone":
		return "disabled since " + cli.Clock(*w.DisabledAt) + ": its receiver says that it is gone"
	case w.DisabledAt != nil:
		return "disabled since " + cli.Clock(*w.DisabledAt)
	case w.FailingSince != nil:
		return fmt.Sprintf("failing since %s, %d tries", cli.Clock(*w.FailingSince), w.Failures)
	}
	return "well"
}

// hook names one subscription.
type hook struct {
	ID string `arg:"" help:"Id of the subscription."`
}

// with runs one act on the subscription.
func (h hook) with(c *cli.Call, act func(*client.Client) error) error {
	return which(h).with(c, act)
}

// done says what was done to the subscription.
func (h hook) done(c *cli.Call, format string) error {
	return which(h).done(c, format)
}

type webhookShow struct{ hook }

// Run shows a subscription.
func (a webhookShow) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client) error {
		w, err := admin.Webhook(c, a.ID)
		if err != nil {
			return err
		}
		rows := [][]string{
			{"id", w.ID}, {"client", w.ClientID}, {"format", w.Format}, {"to", cmp.Or(w.URL, "-")}, {"types", strings.Join(w.Types, " ")},
			{"private networks", map[bool]string{true: "allowed", false: "refused"}[w.AllowPrivate]},
			{"created", cli.Clock(w.CreatedAt)}, {"secret made", cli.Clock(w.RotatedAt)},
			{"state", faring(w)}, {"done up to event", strconv.FormatInt(w.Cursor, 10)},
		}
		if w.NextAt != nil {
			rows = append(rows, []string{"next try", cli.Clock(*w.NextAt)})
		}
		return c.Print(w, rows)
	})
}

type webhookRotate struct{ hook }

// Run makes another secret.
func (a webhookRotate) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client) error {
		made, err := admin.RotateWebhookSecret(c, a.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			return c.Say(made, "")
		}
		return c.TellSecret("rotated the secret of "+cli.Printable(a.ID)+"; for a day, the one before signs as well", made.Secret)
	})
}

type webhookDisable struct{ hook }

// Run stops delivery.
func (a webhookDisable) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client) error {
		if err := admin.DisableWebhook(c, a.ID); err != nil {
			return err
		}
		return a.done(c, "disabled webhook %s")
	})
}

type webhookEnable struct{ hook }

// Run lets delivery go on.
func (a webhookEnable) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client) error {
		if err := admin.EnableWebhook(c, a.ID); err != nil {
			return err
		}
		return a.done(c, "enabled webhook %s")
	})
}

type webhookDelete struct {
	hook
	cli.Consent
}

// Run deletes a subscription.
func (a webhookDelete) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client) error {
		if err := a.Ask(c, "deleting a webhook", "Delete webhook "+cli.Printable(a.ID)+"? Its history and its position in the log are deleted."); err != nil {
			return err
		}
		if err := admin.DeleteWebhook(c, a.ID); err != nil {
			return err
		}
		return a.done(c, "deleted webhook %s")
	})
}

type webhookReplay struct {
	hook
	Since string `required:"" help:"Start time (2026-11-22T08:00:00Z), or a duration before now (90m, 2h)." placeholder:"WHEN"`
}

// Run sends events again.
func (a webhookReplay) Run(c *cli.Call) error {
	since, err := moment("--since", a.Since, time.Now())
	if err != nil {
		return cli.Misuse("%w", err)
	}
	return a.with(c, func(admin *client.Client) error {
		from, err := time.Parse(time.RFC3339, since)
		if err != nil {
			return cli.Misuse("--since: %w", err)
		}
		replayed, err := admin.ReplayWebhook(c, api.WebhookReplay{ID: a.ID, Since: from})
		if err != nil {
			return err
		}
		return c.Say(replayed, "sending again to %s what happened since %s (after event %d)", cli.Printable(a.ID), cli.Clock(from), replayed.Cursor)
	})
}

type webhookDeliveries struct {
	hook
	Limit int `help:"Number of entries to list: 1 to 200." placeholder:"N"`
}

// Run lists tries.
func (a webhookDeliveries) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client) error {
		list, err := admin.Deliveries(c, api.DeliveryPage{ID: a.ID, Limit: a.Limit})
		if err != nil {
			return err
		}
		return c.Print(list, tries(list.Deliveries))
	})
}

func tries(list []api.Delivery) [][]string {
	rows := [][]string{{"AT", "EVENT", "TYPE", "STATUS", "TOOK", "RESULT"}}
	for _, d := range list {
		status := "-"
		if d.Status != 0 {
			status = strconv.Itoa(d.Status)
		}
		took := time.Duration(d.Duration) * time.Millisecond
		rows = append(rows, []string{cli.Clock(d.At), d.EventID, d.Type, status, took.String(), cmp.Or(d.Failure, "ok")})
	}
	return rows
}

type webhookDeadLetter struct {
	hook
	Redeliver string `help:"Deliver this event again now." placeholder:"EVENT"`
	After     int    `help:"Start after the event with this sequence number." placeholder:"SEQ"`
	Limit     int    `help:"Number of entries to list: 1 to 200." placeholder:"N"`
}

// Run lists dead letters, or redelivers one.
func (a webhookDeadLetter) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client) error {
		if a.Redeliver != "" {
			return redeliver(c, admin, api.DeadLetter{ID: a.ID, Event: a.Redeliver})
		}
		list, err := admin.DeadLetters(c, api.DeadLetterPage{
			DeliveryPage: api.DeliveryPage{ID: a.ID, Limit: a.Limit}, After: a.After,
		})
		if err != nil {
			return err
		}
		return c.Print(list, tries(list.Deliveries))
	})
}

func redeliver(c *cli.Call, admin *client.Client, in api.DeadLetter) error {
	got, err := admin.Redeliver(c, in)
	if err != nil {
		return err
	}
	if err := c.Print(got, tries([]api.Delivery{got})); err != nil {
		return err
	}
	if got.Failure != "" {
		return errors.New("the receiver did not take it: " + cli.Printable(got.Failure))
	}
	return nil
}
