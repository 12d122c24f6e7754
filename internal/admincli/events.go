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

// Help describes the order of the output.
func (EventsCommand) Help() string {
	return "Prints the audit trail, newest event first. --follow prints events as they happen; with --json it prints one event a line. " +
		"The setting event_retention says how long events are kept."
}

// Run prints events.
func (e EventsCommand) Run(c *cli.Call) error {
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
		return follower{Call: c, in: in}.run(list, admin)
	}
	if err := c.List(list, eventTable(c, list.Events)); err != nil {
		return err
	}
	return e.more(c, list.NextCursor)
}

// fullPage reads on until the page is full: one request may search only a part of the log.
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

// defaultEvents is the default number of events on a page.
const defaultEvents = 50

func (e EventsCommand) wanted(c *cli.Call, admin *client.Client, now time.Time) (in api.EventPage, err error) {
	in = api.EventPage{Page: e.page(), Type: strings.Join(e.Type, ","), ClientID: e.Client}
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
	if e.Session != "" {
		in.SessionID, err = sessionID(c, admin, e.Session)
	}
	return in, err
}

// moment reads a time, or a duration before now.
func moment(flag, text string, now time.Time) (string, error) {
	if text == "" {
		return "", nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago).UTC().Format(time.RFC3339), nil
	}
	if _, err := time.Parse(time.RFC3339, text); err != nil {
		return "", fmt.Errorf("%s: expected a time such as 2026-11-22T09:30:00Z, or a duration before now such as 24h", flag)
	}
	return text, nil
}

func eventTable(c *cli.Call, list []api.Event) cli.Table {
	t := cli.Table{Columns: cli.Columns("=TIME", "TYPE", "ABOUT", "BY", "ADDRESS", "REASON")}
	for _, e := range list {
		t.Rows = append(t.Rows, eventRow(c, e))
	}
	return t
}

// eventRow returns the part of an event that people look for first; --json prints the whole event.
func eventRow(c *cli.Call, e api.Event) []string {
	about := []string{}
	for _, part := range [][2]string{{"account", e.AccountID}, {"session", e.SessionID}, {"client", e.ClientID}, {"key", e.KeyID}, {"token", e.Detail["jti"]}} {
		if part[1] != "" {
			about = append(about, part[0]+" "+c.ShortID(part[1]))
		}
	}
	if e.Type == "revocation.written" && e.Detail["kind"] == "i" {
		about = append(about, "issuer, all tokens")
	}
	return []string{cli.Clock(e.At), e.Type, strings.Join(about[:min(len(about), 2)], ", "), c.ShortID(e.Actor), e.Address, e.Reason}
}

const (
	// followEvery is the time between two requests.
	followEvery = time.Second
	// renewEvery is less than the lifetime of an operator's token.
	renewEvery = 40 * time.Second
)

// follower prints events as they happen.
type follower struct {
	*cli.Call
	in api.EventPage
}

func (f follower) run(list api.Events, admin *client.Client) error {
	slices.Reverse(list.Events) // oldest first
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
			renewed = time.Now()
			if admin, err = f.Operator(); err != nil {
				return err
			}
		}
		f.in.Cursor, f.in.After = "", strconv.FormatInt(list.Last, 10)
		list, err = admin.Events(f, f.in)
		switch {
		case f.Err() != nil:
			return nil // interrupted, as intended
		case err != nil:
			return err
		}
	}
}

// pause waits, and reports whether to continue.
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
	return f.Show(cli.Table{Rows: [][]string{eventRow(f.Call, e)}})
}
