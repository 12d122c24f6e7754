package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// errUnchanged reports that a person was asked and did not type yes.
var errUnchanged = errors.New("nothing was changed")

// Consent is the flag of destructive commands. A command that embeds it and has a
// method Consequence is a [Destructive] command.
type Consent struct {
	Yes bool `help:"Do not ask for confirmation. Required without a terminal."`
}

// Destroys reports true. A command that destroys something only with certain flags
// has a method of its own.
func (Consent) Destroys() bool { return true }

// Confirmed reports whether the flag was given.
func (y Consent) Confirmed() bool { return y.Yes }

// Destructive is a command that deletes data or secrets for good, or that ends the
// tokens or sessions of more than one account. [Call.Confirm] asks before it runs.
type Destructive interface {
	// Destroys reports whether this call destroys something.
	Destroys() bool
	// Consequence returns a text that says what the call will do.
	Consequence(*Call) (string, error)

	// Confirmed reports whether no question is needed.
	Confirmed() bool
}

// Confirm asks for confirmation if the command is destructive. Without a terminal
// it returns a usage error unless --yes is given. The one caller is the program's main function,
// so that no command can forget to ask.
func (c *Call) Confirm(command any) error {
	d, ok := command.(Destructive)
	if !ok || !d.Destroys() {
		return nil
	}
	if !d.Confirmed() && !c.atTerminal() {
		return Misuse("nothing was changed: this cannot be undone; confirm with --yes")
	}
	text, err := d.Consequence(c)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.Stderr, text)
	if d.Confirmed() {
		return nil
	}
	return c.asked("Continue?")
}

func (c *Call) atTerminal() bool { return term.IsTerminal(int(c.Stdin.Fd())) }

// Drawable reports whether a line of progress can be drawn over on standard error.
func (c *Call) Drawable() bool {
	file, ok := c.Stderr.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

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
