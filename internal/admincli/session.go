package admincli

import (
	"errors"
	"fmt"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/cli"
)

// SessionCommand is the command line for sessions.
type SessionCommand struct {
	List sessionList `cmd:"" help:"List sessions, newest first."`
	End  sessionEnd  `cmd:"" help:"End one session, or all sessions of an account."`
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
	rows := [][]string{{"ID", "ACCOUNT", "SINCE", "LAST USED", "ADDRESS", "USER AGENT"}}
	for _, s := range list.Sessions {
		rows = append(rows, []string{s.ID, cli.Short(s.Identifier), cli.Clock(s.CreatedAt), cli.Clock(s.UsedAt), s.Address, cli.Short(s.UserAgent)})
	}
	if err := c.Print(list, rows); err != nil {
		return err
	}
	return paging{}.more(c, list.NextCursor)
}

type sessionEnd struct {
	ID      string `arg:"" optional:"" help:"Id of the session."`
	Account string `help:"End all sessions of this account." placeholder:"ACCOUNT"`
}

// Validate finds wrong usage before anything is done.
func (s sessionEnd) Validate() error {
	if (s.ID == "") == (s.Account == "") {
		return errors.New("name a session or --account, one of the two")
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
		if err := admin.EndAnySession(c, s.ID); err != nil {
			return err
		}
		return c.Say(api.Ended{Ended: 1}, "ended session %s", cli.Printable(s.ID))
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

// Help tells of the flag that is a setting elsewhere.
func (LoginCommand) Help() string {
	return "With --audience, the access token is for that service, of those that the settings of Portaria name."
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
	return c.Print(tokens, [][]string{
		{"session", tokens.SessionID},
		{"access token", tokens.AccessToken},
		{"expires in", fmt.Sprintf("%ds", tokens.ExpiresIn)},
		{"refresh token", tokens.RefreshToken},
		{"expires in", fmt.Sprintf("%ds unless used", tokens.RefreshExpiresIn)},
	})
}
