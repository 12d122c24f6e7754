package imports

import (
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/cli"
)

// RunWith is Run with clients of a test.
func (a Command) RunWith(c *cli.Call, operator func() (*client.Client, error)) error {
	return a.run(c, operator)
}
