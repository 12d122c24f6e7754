package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// ReadFile reads a file that is no longer than limit.
func ReadFile(name string, limit int64) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, UsageError{err}
	}
	defer file.Close()
	return ReadAll(file, name, limit)
}

// ReadAll reads at most limit bytes. Errors call the input by name.
func ReadAll(in io.Reader, name string, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(in, limit+1))
	switch {
	case err != nil:
		return nil, Misuse("read %s: %w", name, err)
	case int64(len(text)) > limit:
		return nil, Misuse("%s is longer than %d bytes", name, limit)
	}
	return text, nil
}

// TrimLine removes one line break from the end.
func TrimLine(text []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
}

// WriteNew creates a file. It is an error if the file exists.
func WriteNew(name string, text []byte, mode os.FileMode) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

// ReadStdin reads standard input. At a terminal it prints that it waits.
func (c *Call) ReadStdin(limit int64) ([]byte, error) {
	if term.IsTerminal(int(c.Stdin.Fd())) {
		fmt.Fprintln(c.Stderr, "reading standard input; end it with Ctrl-D")
	}
	return ReadAll(c.Stdin, "standard input", limit)
}

// maxTokenLine bounds a token on standard input, in bytes.
const maxTokenLine = 16 << 10

// TokenArgument returns a token or its id that was given as an argument. Without an
// argument, or with -, it reads standard input: other users of the machine can read arguments.
func (c *Call) TokenArgument(given string) (string, error) {
	if given != "" && given != "-" {
		return given, nil
	}
	text, err := c.ReadStdin(maxTokenLine)
	if err != nil {
		return "", err
	}
	if token := string(bytes.TrimSpace(text)); token != "" {
		return token, nil
	}
	return "", Misuse("no token on standard input")
}
