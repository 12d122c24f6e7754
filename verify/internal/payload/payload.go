// Package payload reads the claims of a token: strict JSON, each name once, each
// registered claim with its type. It knows nothing of keys or of what a verifier
// expects.
package payload

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/strictjson"
	"github.com/portaria/portaria/verify/internal/refusal"
)

// Payload is the claims of one token. It is memory to be used again: its texts
// are parts of a buffer that the next Read overwrites, so that a caller copies
// what it keeps. Make it with New.
type Payload struct {
	Texts       [Fields][]byte
	Issuer, Typ []byte // "iss" and "type"
	Dates       [Dates]int64
	Revision    int64
	Fresh       bool
	Mistyped    string // a claim that revocation needs and that has another type
	Scp         []byte // "scp", used as scope when there is no "scope"

	plain   bool               // read by flat: its strings have no escapes
	members []strictjson.Value // memory for flat
	decoded []byte
}

// New returns a Payload to read into.
func New() *Payload {
	return &Payload{members: make([]strictjson.Value, 0, maxFlat), decoded: make([]byte, 0, 1<<10)}
}

// Read decodes a payload (base64url) and reads its claims. Errors wrap
// [refusal.ErrMalformed] or [refusal.ErrClaims].
func (p *Payload) Read(encoded string) error {
	decoded, err := jose.AppendDecode(p.decoded[:0], encoded)
	if err != nil {
		return fmt.Errorf("%w: %w", refusal.ErrMalformed, err)
	}
	p.decoded = decoded
	if err := p.parse(decoded); err != nil {
		return fmt.Errorf("%w: %w", refusal.ErrClaims, err)
	}
	return nil
}

// The claims that are texts, in the order in which a record keeps them.
// Audience and AMR are JSON; Rest is the members of an object, without braces.
const (
	Subject = iota
	Audience
	TokenID
	ClientID
	SessionID
	Root
	Scope
	AMR
	ACR
	CSRF
	Rest
	Fields
)

// The claims that are dates, in milliseconds since 1970.
const (
	Expires = iota
	NotBefore
	IssuedAt
	AuthTime
	Dates
)

// NoDate is the date of a claim that is absent.
const NoDate = -1

// NoRevision is the revision of a token without "rvs". It differs from 0: such a
// token does not say how much of the revocation log its issuer knew.
const NoRevision = -1

// parse reads claims. Names are compared byte by byte, and none may occur twice.
func (p *Payload) parse(payload []byte) error {
	*p = Payload{Dates: [Dates]int64{NoDate, NoDate, NoDate, NoDate}, Revision: NoRevision, members: p.members, decoded: p.decoded}
	if members, ok := flat(p.members[:0], payload); ok {
		p.plain = true
		for i := 0; i < len(members); i += 2 {
			if err := p.set(members[i], members[i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	object, err := strictjson.Parse(payload)
	if err != nil {
		return err
	}
	for _, m := range object {
		if err := p.set([]byte(m.Name), m.Value); err != nil {
			return err
		}
	}
	return nil
}

// set reads one claim. A registered claim that decides must have its type: the
// error names the claim. Any other name may be a claim of the issuer's own, so
// that another type than ours is kept as it is.
func (p *Payload) set(name []byte, v strictjson.Value) (err error) {
	switch string(name) {
	case "iss":
		p.Issuer, err = p.text(v)
	case "sub":
		p.Texts[Subject], err = p.text(v)
	case "aud":
		p.Texts[Audience], err = v, p.isTexts(v, true)
	case "exp":
		p.Dates[Expires], err = date(v)
	case "nbf":
		p.Dates[NotBefore], err = date(v)
	case "iat":
		p.Dates[IssuedAt], err = date(v)
	default:
		if !p.setOurs(name, v) {
			p.Texts[Rest] = AppendMember(p.Texts[Rest], name, v)
		}
	}
	if err != nil {
		return fmt.Errorf("claim %s: %w", name, err)
	}
	return nil
}

// setOurs reads a claim that Portaria defines, and reports whether it is one. It
// notes a claim that revocation needs and that has another type.
func (p *Payload) setOurs(name []byte, v strictjson.Value) bool {
	var err error
	switch string(name) {
	case "jti":
		return p.setLogged(TokenID, "jti", v)
	case "client_id":
		return p.setLogged(ClientID, "client_id", v)
	case "sid":
		return p.setLogged(SessionID, "sid", v)
	case "root":
		return p.setLogged(Root, "root", v)
	case "rvs":
		if p.Revision, err = v.Int(); err != nil {
			p.Revision, p.Mistyped = NoRevision, "rvs"
		}
	case "scope":
		p.Texts[Scope], err = p.names(v)
	case "scp":
		p.Scp, _ = p.names(v)
		return false // it stays in Rest as well
	case "type":
		p.Typ, _ = p.text(v)
		return false
	case "amr":
		if err = p.isTexts(v, false); err == nil {
			p.Texts[AMR] = v
		}
	case "acr":
		p.Texts[ACR], err = p.text(v)
	case "csrf":
		p.Texts[CSRF], err = p.text(v)
	case "auth_time":
		if p.Dates[AuthTime], err = date(v); err != nil {
			p.Dates[AuthTime] = NoDate
		}
	case "fresh":
		p.Fresh, err = v.Bool()
	default:
		return false
	}
	return err == nil
}

func (p *Payload) setLogged(field int, name string, v strictjson.Value) bool {
	text, err := p.text(v)
	if err != nil {
		p.Mistyped = name
		return false
	}
	p.Texts[field] = text
	return true
}

// names reads a scope: names separated by spaces, or an array of names. An
// element with a space in it is not a name and grants nothing.
func (p *Payload) names(v strictjson.Value) ([]byte, error) {
	if len(v) == 0 || v[0] != '[' {
		return p.text(v)
	}
	all, err := v.Texts()
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(name string) bool { return strings.ContainsAny(name, " \t\r\n") })
	return []byte(strings.Join(all, " ")), nil
}

// text returns a string without its quotes. Only a string with escapes is copied.
func (p *Payload) text(v strictjson.Value) ([]byte, error) {
	if len(v) >= 2 && v[0] == '"' && (p.plain || bytes.IndexByte(v, '\\') < 0) {
		return v[1 : len(v)-1], nil
	}
	s, err := v.Text()
	return []byte(s), err
}

// isTexts checks an array of strings, or one string where orOne allows it.
func (p *Payload) isTexts(v strictjson.Value, orOne bool) error {
	if len(v) > 0 && v[0] == '"' && orOne {
		_, err := p.text(v)
		return err
	}
	if p.plain && len(v) > 0 && v[0] == '[' {
		return nil // flat reads arrays of strings alone
	}
	_, err := v.Texts()
	return err
}

func date(v strictjson.Value) (int64, error) {
	if seconds, ok := tenDigits(v); ok {
		return seconds * 1000, nil
	}
	at, err := v.Date()
	return at.UnixMilli(), err
}

// tenDigits reads a date between 2001 and 2286.
func tenDigits(v strictjson.Value) (n int64, ok bool) {
	if len(v) != 10 || v[0] == '0' {
		return 0, false
	}
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// IsFor reports whether "aud", a string or an array, names an audience.
func (p *Payload) IsFor(audience string) bool {
	aud := strictjson.Value(p.Texts[Audience])
	if len(aud) == 0 || aud[0] == '"' {
		one, err := p.text(aud)
		return err == nil && string(one) == audience
	}
	all, err := aud.Texts()
	return err == nil && slices.Contains(all, audience)
}

// HasPlainAudience reports whether "aud" is one string without escapes, so that
// its text is known from the audience that it equals.
func (p *Payload) HasPlainAudience() bool {
	aud := p.Texts[Audience]
	return len(aud) > 0 && aud[0] == '"' && (p.plain || bytes.IndexByte(aud, '\\') < 0)
}

// AppendMember appends a member of an object, without braces, after a comma when
// there is one before.
func AppendMember(b, name []byte, v strictjson.Value) []byte {
	if len(b) > 0 {
		b = append(b, ',')
	}
	quoted, err := json.Marshal(string(name))
	if err != nil {
		return b // strings always marshal
	}
	return append(append(append(b, quoted...), ':'), v...)
}

// Time returns a date as a time in UTC, the zero time for NoDate.
func Time(ms int64) time.Time {
	if ms == NoDate {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
