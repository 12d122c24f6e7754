package admincli

import (
	"cmp"
	"errors"

	"github.com/google/uuid"
	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/cli"
)

// SessionCommand is the command line for sessions.
type SessionCommand struct {
	List sessionList `cmd:"" effect:"reads" help:"List sessions, newest first."`
	End  sessionEnd  `cmd:"" effect:"changes" help:"End one session, or all sessions of an account."`
}

type sessionList struct {
	Account string `help:"Only sessions of this account." placeholder:"ACCOUNT"`
	paging
}

// Run lists sessions.
func (s sessionList) Run(c *cli.Call) error {
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	in := api.SessionPage{Page: s.page()}
	if s.Account != "" {
		found, err := whom{s.Account}.find(c, admin)
		if err != nil {
			return err
		}
		in.AccountID = found.ID
	}
	return listSessions(c, admin, in)
}

func listSessions(c *cli.Call, admin *client.Client, in api.SessionPage) error {
	list, err := admin.AllSessions(c, in)
	if err != nil {
		return err
	}
	if err := c.List(list, sessionTable(list.Sessions)); err != nil {
		return err
	}
	return paging{}.more(c, list.NextCursor)
}

func sessionTable(list []api.Session) cli.Table {
	t := cli.Table{Columns: cli.Columns("#ID", "ACCOUNT", "=SINCE", "=LAST USED", "ADDRESS", "USER AGENT")}
	for _, s := range list {
		t.Rows = append(t.Rows, []string{s.ID, s.Identifier, cli.Clock(s.CreatedAt), cli.Clock(s.UsedAt), s.Address, s.UserAgent})
	}
	return t
}

// sessionID returns the full id of a session. It returns an id that it cannot complete
// unchanged, and the service then reports an unknown session.
func sessionID(c *cli.Call, admin *client.Client, named string) (string, error) {
	if _, err := uuid.Parse(named); err == nil {
		return named, nil
	}
	id, err := search("sessions", named, func(at api.Page) (ids []string, next string, err error) {
		list, err := admin.AllSessions(c, api.SessionPage{Page: at})
		for _, s := range list.Sessions {
			ids = append(ids, s.ID)
		}
		return ids, list.NextCursor, err
	})
	return cmp.Or(id, named), err
}

type sessionEnd struct {
	ID      string `arg:"" optional:"" help:"Id of the session, or its beginning."`
	Account string `help:"End all sessions of this account." placeholder:"ACCOUNT"`
}

// Validate finds wrong usage before anything is done.
func (s sessionEnd) Validate() error {
	if (s.ID == "") == (s.Account == "") {
		return errors.New("give either a session or --account")
	}
	return nil
}

// Run ends one session, or all of an account.
func (s sessionEnd) Run(c *cli.Call) error {
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	if s.ID != "" {
		id, err := sessionID(c, admin, s.ID)
		if err != nil {
			return err
		}
		if err := admin.EndAnySession(c, id); err != nil {
			return err
		}
		return c.Say(api.Ended{Ended: 1}, "ended session %s", cli.Printable(id))
	}
	found, err := whom{s.Account}.find(c, admin)
	if err != nil {
		return err
	}
	ended, err := admin.EndAccountSessions(c, found.ID)
	if err != nil {
		return err
	}
	return c.Say(ended, "ended %d sessions of %s", ended.Ended, cli.Printable(found.Identifier))
}

// LoginCommand signs a person in.
type LoginCommand struct {
	Identifier string `arg:"" help:"E-mail address or user name."`
}

// Help describes the flag that is a setting elsewhere.
func (LoginCommand) Help() string {
	return "--audience requests an access token for that service. The settings list the services."
}

// Run signs in and prints the tokens.
func (l LoginCommand) Run(c *cli.Call) error {
	audience := c.Take("audience")
	_, service, err := c.Service()
	if err != nil {
		return err
	}
	secret, err := c.Password("Password: ")
	if err != nil {
		return err
	}
	tokens, err := service.ForAudience(audience).Login(c, api.Credentials{Identifier: l.Identifier, Password: secret})
	if err != nil {
		return err
	}
	// Not a table: nothing may be cut from a token.
	return c.Say(tokens, "session        %s\naccess token   %s\nexpires in     %ds\nrefresh token  %s\nexpires in     %ds unless used",
		tokens.SessionID, tokens.AccessToken, tokens.ExpiresIn, tokens.RefreshToken, tokens.RefreshExpiresIn)
}
