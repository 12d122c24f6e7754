package admincli

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/cli"
)

// GuardCommand is the command line for the budgets of failed attempts.
type GuardCommand struct {
	Show  guardShow  `cmd:"" effect:"reads" help:"Show how many attempts have failed at an account or from an address, and how long strangers wait."`
	Clear guardClear `cmd:"" effect:"changes" help:"Forget the failed attempts at an account or from an address."`
}

// guarded names an account or an address.
type guarded struct {
	Who string `arg:"" name:"account|address" help:"Account (identifier, id, or the beginning of an id) or IP address."`
}

func (g guarded) find(c *cli.Call, admin *client.Client) (api.GuardSubject, error) {
	if address, err := netip.ParseAddr(g.Who); err == nil {
		return api.GuardSubject{Address: address.String()}, nil
	}
	found, err := whom{g.Who}.find(c, admin)
	return api.GuardSubject{AccountID: found.ID}, err
}

type guardShow struct{ guarded }

// Help says where the attempts are counted.
func (guardShow) Help() string {
	return "Without Redis, each process of the service counts for itself, and the answer is that of the process that was asked. " +
		"The budgets of devices that have signed in before are not shown."
}

// Run shows budgets.
func (g guardShow) Run(c *cli.Call) error {
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	who, err := g.find(c, admin)
	if err != nil {
		return err
	}
	list, err := admin.Budgets(c, api.GuardQuery(who))
	if err != nil {
		return err
	}
	t := cli.Table{Columns: cli.Columns("BUDGET", "FAILED", "ALLOWED", "WAIT")}
	for _, b := range list.Budgets {
		t.Rows = append(t.Rows, []string{b.Budget, strconv.FormatFloat(b.Failed, 'f', -1, 64), strconv.Itoa(b.Allowed), (time.Duration(b.Wait) * time.Second).String()})
	}
	return c.List(list, t)
}

type guardClear struct{ guarded }

// Help says what is cleared.
func (guardClear) Help() string {
	return "For an address, the budget of its network is cleared as well. Without Redis, this acts on the process that was asked."
}

// Run clears budgets.
func (g guardClear) Run(c *cli.Call) error {
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	who, err := g.find(c, admin)
	if err != nil {
		return err
	}
	if err := admin.ClearBudgets(c, who); err != nil {
		return err
	}
	return c.Say(who, "cleared the failed attempts of %s", cli.Printable(g.Who))
}
