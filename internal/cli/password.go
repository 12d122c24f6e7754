package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/password"
)

// errDifferent reports that the two passwords that were typed differ.
var errDifferent = errors.New("the two passwords differ")

// maxPasswordLine bounds a line of standard input: the longest password in the longest
// characters.
const maxPasswordLine = 4*password.MaxTyped + 2

// Password reads a password from the terminal without showing it, or one line of
// standard input. It is never an argument, because other users of the machine can read
// arguments.
func (c *Call) Password(prompt string) (api.Password, error) {
	if !term.IsTerminal(int(c.Stdin.Fd())) {
		return firstLine(c.Stdin)
	}
	fmt.Fprint(c.Stderr, prompt)
	text, err := term.ReadPassword(int(c.Stdin.Fd()))
	fmt.Fprintln(c.Stderr)
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	return api.Password(text), nil
}

// NewPassword asks for a new password twice.
func (c *Call) NewPassword() (api.Password, error) {
	first, err := c.Password("New password: ")
	if err != nil || !term.IsTerminal(int(c.Stdin.Fd())) {
		return first, err
	}
	second, err := c.Password("Once more: ")
	if err == nil && first != second {
		err = errDifferent
	}
	return first, err
}

func firstLine(in io.Reader) (api.Password, error) {
	line, err := bufio.NewReader(io.LimitReader(in, maxPasswordLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read password: %w", err)
	}
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	if line == "" {
		return "", errors.New("no password on standard input")
	}
	return api.Password(line), nil
}
