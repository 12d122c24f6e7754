// Package refusal says which check a token failed.
package refusal

import (
	"errors"
	"strings"

	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyfile"
)

// Error reports a rejected token with the check that failed and the reason.
type Error struct {
	Check string
	err   error
}

// New returns an [Error].
func New(check string, err error) error { return Error{check, err} }

// Error returns the check and the reason.
func (e Error) Error() string { return "refused: " + e.Check + ": " + e.Reason() }

// Reason returns the error without the prefix that repeats the name of the check.
func (e Error) Reason() string {
	text := e.err.Error()
	for _, known := range []error{jose.ErrMalformed, jose.ErrHeader, jose.ErrAlgorithm, jose.ErrKey, keyfile.ErrForeign} {
		text = strings.ReplaceAll(text, known.Error()+": ", "")
	}
	return cli.Plainly(text)
}

// Unwrap returns the reason as an error.
func (e Error) Unwrap() error { return e.err }

// Of wraps an error as an [Error]. Errors of package jose name the check more
// precisely than the caller. Usage errors stay unchanged.
func Of(check string, err error) error {
	var usage cli.UsageError
	if err == nil || errors.As(err, &usage) {
		return err
	}
	for _, known := range []struct {
		err   error
		check string
	}{
		{jose.ErrKey, "key"},
		{jose.ErrSignature, "signature"},
		{jose.ErrDecrypt, "decryption"},
		{jose.ErrAlgorithm, "algorithm"},
		{jose.ErrHeader, "header"},
	} {
		if errors.Is(err, known.err) {
			return Error{known.check, err}
		}
	}
	return Error{check, err}
}
