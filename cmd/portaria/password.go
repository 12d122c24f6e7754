package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"

	"github.com/portaria/portaria/api"
)

// errDifferent says that the second typing was not the first.
var errDifferent = errors.New("the two passwords differ")

// maxPasswordLine bounds what is read of standard input: the longest password
// in the longest characters.
const maxPasswordLine = 4*api.MaxPassword + 2

// password reads a password from the terminal without showing it, or one line
// of standard input. Never from arguments: everybody may read those.
func (c *call) password(prompt string) (string, error) {
	if !term.IsTerminal(int(c.in.Fd())) {
		return firstLine(c.in)
	}
	fmt.Fprint(c.err, prompt)
	text, err := term.ReadPassword(int(c.in.Fd()))
	fmt.Fprintln(c.err)
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	return string(text), nil
}

// newPassword asks a person twice.
func (c *call) newPassword() (string, error) {
	first, err := c.password("New password: ")
	if err != nil || !term.IsTerminal(int(c.in.Fd())) {
		return first, err
	}
	second, err := c.password("Once more: ")
	if err == nil && first != second {
		err = errDifferent
	}
	return first, err
}

func firstLine(in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(in, maxPasswordLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read password: %w", err)
	}
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	if line == "" {
		return "", errors.New("no password on standard input")
	}
	return line, nil
}
