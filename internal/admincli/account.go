// Package admincli holds the commands that administer a service through its API.
//
// The package has more than 1,500 lines because every command finds accounts, sessions
// and clients by an identifier or the beginning of an id, in one way.
package admincli

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/admincli/imports"
	"github.com/portaria/portaria/internal/cli"
)

// AccountCommand is the command line for accounts.
type AccountCommand struct {
	Create        accountCreate        `cmd:"" effect:"changes" help:"Create an account; asks for its password."`
	List          accountList          `cmd:"" effect:"reads" help:"List accounts, newest first."`
	Show          accountShow          `cmd:"" effect:"reads" help:"Show an account and its sessions."`
	Disable       accountDisable       `cmd:"" effect:"changes" help:"Disable an account and end its sessions."`
	ForgetDevices accountForgetDevices `cmd:"" effect:"changes" help:"End the device tokens of an account: its devices are strangers at their next sign-in."`
	Enable        accountEnable        `cmd:"" effect:"changes" help:"Enable a disabled account."`
	Delete        accountDelete        `cmd:"" effect:"destroys" help:"Delete an account and all its data; asks first."`

	Import imports.Command `cmd:"" effect:"changes" help:"Import accounts of another system, with the password hashes that they have."`

	SetPassword accountSetPassword `cmd:"" effect:"changes" help:"Set the password of an account and end its sessions; asks for the password."`
}

// whom is the argument that names one account.
type whom struct {
	Account string `arg:"" help:"Identifier of the account, its id, or the beginning of its id."`
}

// errNoAccount reports that no account has this identifier or id.
func errNoAccount(named string) error {
	return fmt.Errorf("no account is called %s", cli.Printable(named))
}

// find returns the account with this identifier or id. A form of identifier wins
// over the beginning of an id.
func (w whom) find(c *cli.Call, admin *client.Client) (api.Account, error) {
	if strings.TrimSpace(w.Account) == "" {
		return api.Account{}, cli.Misuse("name an account") // for example, an empty variable of a script
	}
	if id, err := uuid.Parse(w.Account); err == nil {
		return admin.Account(c, id.String())
	}
	page, err := admin.Accounts(c, api.AccountPage{Identifier: w.Account})
	switch {
	case err != nil:
		return api.Account{}, err
	case len(page.Accounts) == 1:
		return page.Accounts[0], nil
	}
	id, err := search("accounts", w.Account, func(at api.Page) (ids []string, next string, err error) {
		list, err := admin.Accounts(c, api.AccountPage{Page: at})
		for _, a := range list.Accounts {
			ids = append(ids, a.ID)
		}
		return ids, list.NextCursor, err
	})
	switch {
	case err != nil:
		return api.Account{}, err
	case id == "":
		return api.Account{}, errNoAccount(w.Account)
	}
	return admin.Account(c, id)
}

// with calls act with the account.
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

// paging selects a page of a list.
type paging struct {
	Limit  int    `help:"Number of entries to show." default:"50"`
	Cursor string `help:"Show the page after the one that printed this cursor." placeholder:"CURSOR"`
}

func (p paging) page() api.Page { return api.Page{Cursor: p.Cursor, Limit: p.Limit} }

// more prints how to see the next page.
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
	if err := c.List(list, accountTable(list.Accounts)); err != nil {
		return err
	}
	return a.more(c, list.NextCursor)
}

func accountTable(list []api.Account) cli.Table {
	t := cli.Table{Columns: cli.Columns("#ID", "IDENTIFIER", "=CREATED", "=STATE")}
	for _, a := range list {
		t.Rows = append(t.Rows, []string{a.ID, a.Identifier, cli.Clock(a.CreatedAt), state(a)})
	}
	return t
}

func accountDetails(a api.Account) cli.Table {
	return cli.Details([][]string{
		{"id", a.ID},
		{"identifier", a.Identifier},
		{"created", cli.Clock(a.CreatedAt)},
		{"password changed", cli.Clock(a.PasswordChangedAt)},
		{"state", state(a)},
	})
}

func state(a api.Account) string {
	if a.DisabledAt != nil {
		return "disabled since " + cli.Clock(*a.DisabledAt)
	}
	return "enabled"
}

type accountShow struct{ whom }

// Run shows an account and its sessions.
func (a accountShow) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client, found api.Account) error {
		if c.JSON {
			return cli.AsJSON(c.Stdout, found)
		}
		err := c.Show(accountDetails(found))
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

type accountForgetDevices struct{ whom }

// Run ends the device tokens of an account.
func (a accountForgetDevices) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client, found api.Account) error {
		if err := admin.ForgetDevices(c, found.ID); err != nil {
			return err
		}
		return c.Say(api.Created{ID: found.ID}, "ended the device tokens of %s", cli.Printable(found.Identifier))
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
		// Typing may take longer than the operator's token lives: take a new one.
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

// Consequence says what will be deleted.
func (a accountDelete) Consequence(c *cli.Call) (text string, err error) {
	return text, a.with(c, func(_ *client.Client, found api.Account) error {
		name := cli.Printable(found.Identifier)
		text = fmt.Sprintf("Account %s (%s) and all its data will be deleted. If somebody signs up as %s later, that is another account.",
			name, found.ID, name)
		return nil
	})
}

// Run deletes an account.
func (a accountDelete) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client, found api.Account) error {
		if err := admin.DeleteAccount(c, found.ID); err != nil {
			return err
		}
		return c.Say(api.Created{ID: found.ID}, "deleted %s", cli.Printable(found.Identifier))
	})
}
