package account

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/net/idna"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/width"
)

// MaxIdentifier is the greatest length of an identifier in characters (code
// points), as typed and in canonical form: the longest e-mail address that can
// be delivered to (RFC 5321, erratum 1690).
const MaxIdentifier = 254

// IdentifierKind says what an identifier is.
type IdentifierKind string

// The kinds of identifiers.
const (
	Email    IdentifierKind = "email"
	Username IdentifierKind = "username"
)

// KindOf returns the kind of a canonical identifier.
func KindOf(canonical string) IdentifierKind {
	if strings.Contains(canonical, "@") {
		return Email
	}
	return Username
}

var (
	// ErrIdentifierInvalid is text that is neither a user name nor an
	// e-mail address. It never repeats the text.
	ErrIdentifierInvalid = errors.New("identifier invalid")
	// ErrIdentifierTooLong is an identifier above MaxIdentifier.
	ErrIdentifierTooLong = fmt.Errorf("identifier has more than %d characters", MaxIdentifier)
)

// domains maps as browsers do (UTS 46, non-transitional: ß stays ß) and
// refuses what DNS cannot hold.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.VerifyDNSLength(true))

// Display is the spelling to show: what was typed, without the space around.
func Display(typed string) string { return strings.TrimSpace(typed) }

// Canonical brings a user name or an e-mail address as typed into the form in
// which two of them are equal, and which is its own canonical form. User names
// and the local parts of addresses follow PRECIS UsernameCaseMapped (RFC 8265):
// case and width do not matter, characters that only deceive are refused.
// Domains become lower-case ASCII (IDNA, UTS 46). Letters of different scripts
// that look the same stay different.
//
// The case of local parts is dropped, although RFC 5321 permits it to matter, because
// people do not expect two accounts there. Errors: [ErrIdentifierInvalid],
// [ErrIdentifierTooLong].
func Canonical(typed string) (string, error) {
	s := Display(typed)
	if tooLong(s) {
		return "", ErrIdentifierTooLong
	}
	once, err := fold(s)
	if err != nil {
		return "", err
	}
	if tooLong(once) {
		return "", ErrIdentifierTooLong
	}
	// An identifier that looks like an id could be mistaken for another account's
	// id by people who read a list.
	if uuid.Validate(once) == nil {
		return "", ErrIdentifierInvalid
	}
	// Neither PRECIS (RFC 8264, section 7) nor IDNA promises a fixed point:
	// IDNA looks at the direction of letters before it maps them, so U+2135
	// slips a Hebrew letter into a Latin label. The second look refuses it.
	if twice, err := fold(once); err != nil || twice != once {
		return "", ErrIdentifierInvalid
	}
	return once, nil
}

// tooLong looks at the bytes first, so that megabytes are not even counted.
func tooLong(s string) bool {
	return len(s) > MaxIdentifier*utf8.UTFMax || utf8.RuneCountInString(s) > MaxIdentifier
}

func fold(s string) (string, error) {
	if s == "" || !utf8.ValidString(s) {
		return "", ErrIdentifierInvalid
	}
	// Width first: a full-width ＠ must part an address too, or it would
	// become one only after this point.
	local, domain, isAddress := strings.Cut(width.Fold.String(s), "@")
	name, err := precis.UsernameCaseMapped.String(local)
	if err != nil || name == "" {
		return "", ErrIdentifierInvalid
	}
	if !isAddress {
		return name, nil
	}
	// A second @ is refused here: no domain holds one.
	ascii, err := domains.ToASCII(domain)
	if err != nil || ascii == "" || strings.HasSuffix(ascii, ".") {
		return "", ErrIdentifierInvalid
	}
	return name + "@" + ascii, nil
}
