// Package admincli holds the commands that administer a service through its API.
package admincli

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/cli"
)

// AccountCommand is the command line for accounts.
type AccountCommand struct {
	Create  accountCreate  `cmd:"" help:"Create an account; asks for its password."`
	List    accountList    `cmd:"" help:"List accounts, newest first."`
	Show    accountShow    `cmd:"" help:"Show an account and its sessions."`
	Disable accountDisable `cmd:"" help:"Disable an account and end its sessions."`
	Enable  accountEnable  `cmd:"" help:"Enable a disabled account."`
	Delete  accountDelete  `cmd:"" help:"Delete an account and all its data; asks first."`

	SetPassword accountSetPassword `cmd:"" help:"Set the password of an account and end its sessions; asks for the password."`
}

// whom names one account.
type whom struct {
	Account string `arg:"" help:"Identifier or id of the account."`
}

// find returns the account that a person named by id or by identifier. No
// identifier looks like an id, so there is no doubt which one is meant.
func (w whom) find(c *cli.Call, admin *client.Client) (api.Account, error) {
	if strings.TrimSpace(w.Account) == "" {
		return api.Account{}, cli.Misuse("name an account") // an empty variable in a script, say
	}
	if id, err := uuid.Parse(w.Account); err == nil {
		return admin.Account(c, id.String())
	}
	page, err := admin.Accounts(c, api.AccountPage{Identifier: w.Account})
	if err != nil {
		return api.Account{}, err
	}
	if len(page.Accounts) != 1 {
		return api.Account{}, fmt.Errorf("no account is called %s", cli.Printable(w.Account))
	}
	return page.Accounts[0], nil
}

// with runs one act on the account.
func (w whom) with(c *cli.Call, act func(*client.Client, api.Account) error) error {
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	a, err := w.find(c, admin)
	if err != nil {
		return err
	}
	return act(admin, a)
}

type accountCreate struct {
	Identifier string `arg:"" help:"E-mail address or user name."`
}

// Run creates an account.
func (a accountCreate) Run(c *cli.Call) error {
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	secret, err := c.NewPassword()
	if err != nil {
		return err
	}
	made, err := admin.CreateAccount(c, api.Credentials{Identifier: a.Identifier, Password: secret})
	if err != nil {
		return err
	}
	return c.Say(made, "created account %s", made.ID)
}

// paging says how much of a list to show.
type paging struct {
	Limit  int    `help:"Number of entries to show." default:"50"`
	Cursor string `help:"Show the page after the one that printed this cursor." placeholder:"CURSOR"`
}

func (p paging) page() api.Page { return api.Page{Cursor: p.Cursor, Limit: p.Limit} }

// more tells a person how to see the next page.
func (p paging) more(c *cli.Call, next string) error {
	if next == "" || c.JSON {
		return nil
	}
	_, err := fmt.Fprintf(c.Stdout, "more: --cursor %s\n", next)
	return err
}

type accountList struct{ paging }

// Run lists accounts.
func (a accountList) Run(c *cli.Call) error {
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	list, err := admin.Accounts(c, api.AccountPage{Page: a.page()})
	if err != nil {
		return err
	}
	rows := [][]string{{"ID", "IDENTIFIER", "CREATED", "STATE"}}
	for _, item := range list.Accounts {
		rows = append(rows, []string{item.ID, cli.Short(item.Identifier), cli.Clock(item.CreatedAt), state(item)})
	}
	if err := c.Print(list, rows); err != nil {
		return err
	}
	return a.more(c, list.NextCursor)
}

func state(a api.Account) string {
	if a.DisabledAt != nil {
		return "disabled since " + cli.Clock(*a.DisabledAt)
	}
	return "enabled"
}

type accountShow struct{ whom }

// Run shows an account and where it is logged in.
func (a accountShow) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client, found api.Account) error {
		if c.JSON {
			return cli.AsJSON(c.Stdout, found)
		}
		err := cli.Table(c.Stdout, [][]string{
			{"id", found.ID},
			{"identifier", found.Identifier},
			{"created", cli.Clock(found.CreatedAt)},
			{"password changed", cli.Clock(found.PasswordChangedAt)},
			{"state", state(found)},
		})
		if err != nil {
			return err
		}
		fmt.Fprintln(c.Stdout)
		return listSessions(c, admin, api.SessionPage{AccountID: found.ID})
	})
}

type accountDisable struct{ whom }

// Run disables an account.
func (a accountDisable) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client, found api.Account) error {
		ended, err := admin.DisableAccount(c, found.ID)
		if err != nil {
			return err
		}
		return c.Say(ended, "disabled %s; ended %d sessions", cli.Printable(found.Identifier), ended.Ended)
	})
}

type accountEnable struct{ whom }

// Run enables an account.
func (a accountEnable) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client, found api.Account) error {
		if err := admin.EnableAccount(c, found.ID); err != nil {
			return err
		}
		return c.Say(api.Created{ID: found.ID}, "enabled %s", cli.Printable(found.Identifier))
	})
}

type accountSetPassword struct{ whom }

// Run sets the password of an account.
func (a accountSetPassword) Run(c *cli.Call) error {
	return a.with(c, func(_ *client.Client, found api.Account) error {
		secret, err := c.NewPassword()
		if err != nil {
			return err
		}
		// Typing may take longer than the operator's token lives.
		admin, err := c.Operator()
		if err != nil {
			return err
		}
		ended, err := admin.SetPassword(c, found.ID, secret)
		if err != nil {
			return err
		}
		return c.Say(ended, "set the password of %s; ended %d sessions", cli.Printable(found.Identifier), ended.Ended)
	})
}

type accountDelete struct {
	whom
	cli.Consent
}

// Run deletes an account.
func (a accountDelete) Run(c *cli.Call) error {
	return a.with(c, func(_ *client.Client, found api.Account) error {
		name := cli.Printable(found.Identifier)
		fmt.Fprintf(c.Stderr, "%s (%s) and all that belongs to the account will be gone. Who signs up as %s later is another account.\n",
			name, found.ID, name)
		if err := a.Ask(c, "deleting an account", "Delete it?"); err != nil {
			return err
		}
		admin, err := c.Operator() // see accountSetPassword
		if err != nil {
			return err
		}
		if err := admin.DeleteAccount(c, found.ID); err != nil {
			return err
		}
		return c.Say(api.Created{ID: found.ID}, "deleted %s", cli.Printable(found.Identifier))
	})
}
