package admincli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/cli"
)

// EventsCommand is the command line for the audit trail.
type EventsCommand struct {
	Follow  bool     `short:"f" help:"Print recent events, then new events until interrupted."`
	Type    []string `help:"Event types, such as login.failed or session.*." placeholder:"TYPE"`
	Account string   `help:"Only events about this account." placeholder:"ACCOUNT"`
	Session string   `help:"Only events about this session." placeholder:"ID"`
	Client  string   `help:"Only events about this client." placeholder:"ID"`
	Since   string   `help:"Start time: RFC 3339, or a duration before now, such as 24h." placeholder:"WHEN"`
	Until   string   `help:"End time, in the same format." placeholder:"WHEN"`
	paging
}

// Help says in what order.
func (EventsCommand) Help() string {
	return "The audit trail, newest first; with --follow in the order in which things happen, and with --json one event a line. " +
		"Events are kept for as long as the setting event_retention says."
}

// Run shows what happened.
func (e EventsCommand) Run(c *cli.Call) error {
	url := c.URL
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	in, err := e.wanted(c, admin, time.Now())
	if err != nil {
		return err
	}
	list, err := fullPage(c, admin, in)
	if err != nil {
		return err
	}
	if e.Follow {
		return follower{Call: c, url: url, in: in}.run(list, admin)
	}
	rows := [][]string{{"TIME", "TYPE", "ABOUT", "BY", "ADDRESS", "REASON"}}
	for _, one := range list.Events {
		rows = append(rows, eventRow(one))
	}
	if err := c.Print(list, rows); err != nil {
		return err
	}
	return e.more(c, list.NextCursor)
}

// fullPage reads on while the service has searched only a part of its log.
func fullPage(c *cli.Call, admin *client.Client, in api.EventPage) (api.Events, error) {
	all, err := admin.Events(c, in)
	for err == nil && all.NextCursor != "" && len(all.Events) < cmp.Or(in.Limit, defaultEvents) {
		var more api.Events
		in.Cursor = all.NextCursor
		more, err = admin.Events(c, in)
		keep := min(len(more.Events), cmp.Or(in.Limit, defaultEvents)-len(all.Events))
		if keep < len(more.Events) {
			more.NextCursor = strconv.FormatInt(more.Events[keep-1].Seq, 10)
		}
		all.Events, all.NextCursor = append(all.Events, more.Events[:keep]...), more.NextCursor
	}
	return all, err
}

// defaultEvents is the number of events on a page when nobody says another.
const defaultEvents = 50

func (e EventsCommand) wanted(c *cli.Call, admin *client.Client, now time.Time) (in api.EventPage, err error) {
	in = api.EventPage{Page: e.page(), Type: strings.Join(e.Type, ","), SessionID: e.Session, ClientID: e.Client}
	if in.Since, err = moment("--since", e.Since, now); err != nil {
		return in, err
	}
	if in.Until, err = moment("--until", e.Until, now); err != nil {
		return in, err
	}
	if e.Account != "" {
		found, err := whom{e.Account}.find(c, admin)
		if err != nil {
			return in, err
		}
		in.AccountID = found.ID
	}
	return in, nil
}

// moment reads a moment, or how long ago it was.
func moment(flag, text string, now time.Time) (string, error) {
	if text == "" {
		return "", nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago).UTC().Format(time.RFC3339), nil
	}
	if _, err := time.Parse(time.RFC3339, text); err != nil {
		return "", fmt.Errorf("%s: expected a moment such as 2026-11-22T09:30:00Z, or how long ago, such as 24h", flag)
	}
	return text, nil
}

// eventRow is what a person wants to see of an event; --json has all of it.
func eventRow(e api.Event) []string {
	about := []string{}
	for _, part := range [][2]string{{"account", e.AccountID}, {"session", e.SessionID}, {"client", e.ClientID}, {"key", e.KeyID}, {"token", e.Detail["jti"]}} {
		if part[1] != "" {
			about = append(about, part[0]+" "+part[1])
		}
	}
	if e.Type == "revocation.written" && e.Detail["kind"] == "i" {
		about = append(about, "issuer, everything so far")
	}
	return []string{cli.Clock(e.At), e.Type, strings.Join(about[:min(len(about), 2)], ", "), e.Actor, e.Address, cli.Short(e.Reason)}
}

const (
	// followEvery is how often the service is asked.
	followEvery = time.Second
	// renewEvery is within the life of an operator's token.
	renewEvery = 40 * time.Second
)

// follower shows events as they happen.
type follower struct {
	*cli.Call
	url string // as it was given
	in  api.EventPage
}

func (f follower) run(list api.Events, admin *client.Client) error {
	slices.Reverse(list.Events) // the last of before
	renewed := time.Now()
	for {
		for _, e := range list.Events {
			if err := f.show(e); err != nil {
				return err
			}
		}
		if !f.pause() {
			return nil
		}
		var err error
		if time.Since(renewed) > renewEvery {
			f.URL, renewed = f.url, time.Now()
			if admin, err = f.Operator(); err != nil {
				return err
			}
		}
		f.in.Cursor, f.in.After = "", strconv.FormatInt(list.Last, 10)
		list, err = admin.Events(f, f.in)
		switch {
		case f.Err() != nil:
			return nil // interrupted: that is how it ends
		case err != nil:
			return err
		}
	}
}

// pause reports whether to go on.
func (f follower) pause() bool {
	select {
	case <-f.Done():
		return false
	case <-time.After(followEvery):
		return true
	}
}

func (f follower) show(e api.Event) error {
	if f.JSON {
		return json.NewEncoder(f.Stdout).Encode(e)
	}
	_, err := fmt.Fprintln(f.Stdout, cli.Printable(strings.Join(eventRow(e), "  ")))
	return err
}
