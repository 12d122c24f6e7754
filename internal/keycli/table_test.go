package keycli

import (
	"testing"

	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/cli/clitest"
	"github.com/portaria/portaria/internal/keyring"
)

func TestTablesFitTheTerminal(t *testing.T) {
	clitest.Tables(t, map[string]cli.Table{
		"keyTable":   keyTable([]keyView{clitest.Filled[keyView]()}),
		"keyDetails": keyDetails(clitest.Filled[keyView](), keyring.Key{}),
		"planTable":  planTable([]stepView{clitest.Filled[stepView]()}),
	})
}
