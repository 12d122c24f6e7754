package admincli

import (
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/cli/clitest"
)

func TestTablesFitTheTerminal(t *testing.T) {
	clitest.Tables(t, map[string]cli.Table{
		"accountTable":   accountTable([]api.Account{clitest.Filled[api.Account]()}),
		"accountDetails": accountDetails(clitest.Filled[api.Account]()),
		"clientTable":    clientTable([]api.Client{clitest.Filled[api.Client]()}),
		"clientDetails":  clientDetails(clitest.Filled[api.Client]()),
		"sessionTable":   sessionTable([]api.Session{clitest.Filled[api.Session]()}),
		"verifierTable":  verifierTable([]api.Verifier{clitest.Filled[api.Verifier]()}),
		"webhookTable":   webhookTable([]api.Webhook{clitest.Filled[api.Webhook]()}),
		"webhookDetails": webhookDetails(clitest.Filled[api.Webhook]()),
		"deliveryTable":  deliveryTable([]api.Delivery{clitest.Filled[api.Delivery]()}),
		"eventTable":     eventTable(&cli.Call{Globals: &cli.Globals{}}, []api.Event{clitest.Filled[api.Event]()}),
	})
}
