package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"
)

// errUnchanged reports that a person was asked and did not type yes.
var errUnchanged = errors.New("nothing was changed")

// Consent is the flag of commands that cannot be undone.
type Consent struct {
	Yes bool `help:"Do not ask for confirmation. Required without a terminal."`
}

// Ask asks for confirmation at a terminal. Elsewhere it returns a usage error
// unless --yes is given.
func (y Consent) Ask(c *Call, doing, question string) error {
	if y.Yes {
		return nil
	}
	if !c.atTerminal() {
		return Misuse("nothing was changed: %s cannot be undone; confirm with --yes", doing)
	}
	return c.asked(question)
}

func (c *Call) atTerminal() bool { return term.IsTerminal(int(c.Stdin.Fd())) }

// asked reads the answer to a question; errUnchanged unless it is yes.
func (c *Call) asked(question string) error {
	fmt.Fprintf(c.Stderr, "%s Type yes: ", question)
	answer, err := bufio.NewReader(io.LimitReader(c.Stdin, 16)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read answer: %w", err)
	}
	if strings.TrimSpace(answer) != "yes" {
		return errUnchanged
	}
	return nil
}
