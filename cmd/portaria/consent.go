package main

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

// consent is the flag of commands that cannot be undone.
type consent struct {
	Yes bool `help:"Do not ask."`
}

// ask asks a person at a terminal whether to go on with doing something. A script
// must say --yes.
func (y consent) ask(c *call, doing, question string) error {
	if y.Yes {
		return nil
	}
	if !c.atTerminal() {
		return misuse("nothing was changed: %s cannot be undone; say --yes", doing)
	}
	return c.asked(question)
}

// askPerson asks like ask, but lets scripts go on.
func (y consent) askPerson(c *call, question string) error {
	if y.Yes || !c.atTerminal() {
		return nil
	}
	return c.asked(question)
}

func (c *call) atTerminal() bool { return term.IsTerminal(int(c.in.Fd())) }

// asked reads the answer to a question; errUnchanged unless it is yes.
func (c *call) asked(question string) error {
	fmt.Fprintf(c.err, "%s Type yes: ", question)
	answer, err := bufio.NewReader(io.LimitReader(c.in, 16)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read answer: %w", err)
	}
	if strings.TrimSpace(answer) != "yes" {
		return errUnchanged
	}
	return nil
}
