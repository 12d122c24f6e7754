package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"
)

// errUnchanged says that a person was asked and did not consent.
var errUnchanged = errors.New("nothing was changed")

// Consent is the flag of commands that cannot be undone.
type Consent struct {
	Yes bool `help:"Do not ask."`
}

// Ask asks a person at a terminal whether to go on with doing something. A script
// must say --yes.
func (y Consent) Ask(c *Call, doing, question string) error {
	if y.Yes {
		return nil
	}
	if !c.atTerminal() {
		return Misuse("nothing was changed: %s cannot be undone; say --yes", doing)
	}
	return c.asked(question)
}

// AskPerson asks like ask, but lets scripts go on.
func (y Consent) AskPerson(c *Call, question string) error {
	if y.Yes || !c.atTerminal() {
		return nil
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
