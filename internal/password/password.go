// Package password hashes and checks passwords: Argon2id (RFC 9106) in PHC
// strings, with a bounded number of hashes at a time, computed beside the rest
// of the service instead of in front of it (docs/adr/0003).
//
// A [Plain] is what somebody typed, a PHC string is what rests in the
// database, a [Policy] says how costly the way between them is, and a [Hasher]
// does the work.
package password

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/portaria/portaria/internal/secret"
)

// Limits of a new password, in characters (code points after NFC).
const (
	MinLength = 8
	MaxLength = 256
)

// MaxTyped is the greatest length of a password that is checked, in characters. It
// is above [MaxLength], because passwords of other systems may be longer.
const MaxTyped = 1024

// maxTyped bounds the bytes that are normalised at all: four for each character.
const maxTyped = MaxTyped * utf8.UTFMax

// What can be wrong with a password before it is hashed.
var (
	// ErrTooShort is a new password of fewer than MinLength characters.
	ErrTooShort = fmt.Errorf("password has fewer than %d characters", MinLength)
	// ErrTooLong is a new password of more than MaxLength characters, or any
	// password of more than MaxTyped.
	ErrTooLong = errors.New("password has too many characters")
	// ErrNotText is a password that is not valid UTF-8.
	ErrNotText = errors.New("password is not valid UTF-8")
	// ErrIsIdentifier is a new password that equals a name of its account.
	ErrIsIdentifier = errors.New("password equals the identifier")
)

// Plain is a password as a person typed it, in Unicode normal form C. It shows
// itself as [secret] to fmt, slog and every text encoder. The zero value is
// the empty password.
//
// It holds a pointer because fmt calls no methods on unexported fields: inside
// somebody's struct an address would be printed, never the text.
type Plain struct {
	secret.Hidden
	text *string
	// raw is the text before it was normalised. Hashes of other systems are of it.
	raw *string
}

// Typed takes a password for checking: any text of at most [MaxTyped]
// characters. Older passwords must stay usable, so no policy applies. Errors: [ErrTooLong], [ErrNotText].
func Typed(s string) (Plain, error) {
	if len(s) > maxTyped {
		return Plain{}, ErrTooLong
	}
	if !utf8.ValidString(s) {
		return Plain{}, ErrNotText
	}
	composed := norm.NFC.String(s)
	if utf8.RuneCountInString(composed) > MaxTyped {
		return Plain{}, ErrTooLong
	}
	return Plain{text: &composed, raw: &s}, nil
}

// CheckNew returns why p cannot be the new password of an account with these
// identifiers (as typed and as stored, compared without regard to case). Errors:
// [ErrTooShort], [ErrTooLong], [ErrIsIdentifier].
func (p Plain) CheckNew(identifiers ...string) error {
	text := p.Reveal()
	switch n := utf8.RuneCountInString(text); {
	case n < MinLength:
		return ErrTooShort
	case n > MaxLength:
		return ErrTooLong
	}
	for _, id := range identifiers {
		if strings.EqualFold(text, norm.NFC.String(id)) {
			return ErrIsIdentifier
		}
	}
	return nil
}

// Reveal returns the text itself, for checks of new passwords.
func (p Plain) Reveal() string {
	if p.text == nil {
		return ""
	}
	return *p.text
}

// spellings returns the texts that a hash of another system can be of: as typed,
// and normalised if that differs.
func (p Plain) spellings() [][]byte {
	if p.raw == nil || *p.raw == *p.text {
		return [][]byte{p.bytes()}
	}
	return [][]byte{[]byte(*p.raw), p.bytes()}
}

func (p Plain) bytes() []byte {
	if p.text == nil {
		return nil
	}
	return []byte(*p.text)
}
