package main

import (
	"errors"
	"fmt"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
)

type sessionCommand struct {
	List sessionList `cmd:"" help:"List who is logged in, newest first."`
	End  sessionEnd  `cmd:"" help:"End a session, or all of an account."`
}

type sessionList struct {
	Account string `help:"Only sessions of this account." placeholder:"ACCOUNT"`
	paging
}

// Run lists sessions.
func (s sessionList) Run(c *call) error {
	admin, err := c.operator()
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

func listSessions(c *call, admin *client.Client, in api.SessionPage) error {
	list, err := admin.AllSessions(c, in)
	if err != nil {
		return err
	}
	rows := [][]string{{"ID", "ACCOUNT", "SINCE", "LAST USED", "ADDRESS", "USER AGENT"}}
	for _, s := range list.Sessions {
		rows = append(rows, []string{s.ID, short(s.Identifier), clock(s.CreatedAt), clock(s.UsedAt), s.Address, short(s.UserAgent)})
	}
	if err := c.print(list, rows); err != nil {
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
func (s sessionEnd) Run(c *call) error {
	admin, err := c.operator()
	if err != nil {
		return err
	}
	if s.ID != "" {
		if err := admin.EndAnySession(c, s.ID); err != nil {
			return err
		}
		return c.say(api.Ended{Ended: 1}, "ended session %s", printable(s.ID))
	}
	found, err := whom{s.Account}.find(c, admin)
	if err != nil {
		return err
	}
	ended, err := admin.EndAccountSessions(c, found.ID)
	if err != nil {
		return err
	}
	return c.say(ended, "ended %d sessions of %s", ended.Ended, printable(found.Identifier))
}

type loginCommand struct {
	Identifier string `arg:"" help:"E-mail address or user name."`
}

// Help tells of the flag that is a setting elsewhere.
func (loginCommand) Help() string {
	return "With --audience, the access token is for that service, of those that the settings of Portaria name."
}

// take answers a flag that means something else to this command than to the
// settings, such as --audience, and takes it out of them.
func (c *call) take(flag string) string {
	value := c.flags.given()[flag]
	for i, s := range c.flags.settings {
		if s.Flag() == flag {
			c.flags.target.Elem().Field(i).SetZero()
		}
	}
	return value
}

// Run signs in and prints the tokens.
func (l loginCommand) Run(c *call) error {
	audience := c.take("audience")
	_, service, err := c.service()
	if err != nil {
		return err
	}
	secret, err := c.password("Password: ")
	if err != nil {
		return err
	}
	tokens, err := service.ForAudience(audience).Login(c, api.Credentials{Identifier: l.Identifier, Password: secret})
	if err != nil {
		return err
	}
	return c.print(tokens, [][]string{
		{"session", tokens.SessionID},
		{"access token", tokens.AccessToken},
		{"expires in", fmt.Sprintf("%ds", tokens.ExpiresIn)},
		{"refresh token", tokens.RefreshToken},
		{"expires in", fmt.Sprintf("%ds unless used", tokens.RefreshExpiresIn)},
	})
}
