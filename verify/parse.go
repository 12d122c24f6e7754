package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/jose"
)

// draft is the claims of a token while they are read. Its texts share memory
// with the payload.
type draft struct {
	texts    [fields][]byte
	iss, typ []byte
	dates    [dates]int64
	revision int64
	fresh    bool
	plain    bool         // read by flat: its strings have no escapes
	mistyped string       // a claim of the revocation log with another type
	scp      []byte       // "scp", as scope when there is none
	members  []jose.Value // memory for flat
}

// scratch is the memory that one verification works in and leaves behind; it
// is lent out by pool. Nothing of it may be kept: a record has copies.
type scratch struct {
	draft
	payload, input, signature, sum []byte
}

func newScratch() any {
	return &scratch{draft: draft{members: make([]jose.Value, 0, maxFlat)}, payload: make([]byte, 0, 1<<10), signature: make([]byte, 0, 64)}
}

// read decodes a payload and reads its claims.
func (s *scratch) read(encoded string) error {
	payload, err := jose.AppendDecode(s.payload[:0], encoded)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	s.payload = payload
	if err := s.parse(payload); err != nil {
		return fmt.Errorf("%w: %w", ErrClaims, err)
	}
	return nil
}

// The claims that are texts, in the order in which a record keeps them.
// Audience and AMR are kept as JSON, and rest as the members of an object.
const (
	subject = iota
	audience
	tokenID
	clientID
	sessionID
	scope
	amr
	csrf
	rest
	fields
)

// The claims that are dates.
const (
	expires = iota
	notBefore
	issuedAt
	authTime
	dates
)

// noDate is the date of a claim that is absent.
const noDate = -1

// noRevision is that of a token that does not say how much of the revocation
// log its issuer knew, which is not the same as that it knew nothing.
const noRevision = -1

// parse reads claims: names byte by byte, none twice, each of its type.
func (d *draft) parse(payload []byte) error {
	*d = draft{dates: [dates]int64{noDate, noDate, noDate, noDate}, revision: noRevision, members: d.members}
	if members, ok := flat(d.members[:0], payload); ok {
		d.plain = true
		for i := 0; i < len(members); i += 2 {
			if err := d.set(members[i], members[i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	object, err := jose.ParseObject(payload)
	if err != nil {
		return err
	}
	for _, m := range object {
		if err := d.set([]byte(m.Name), m.Value); err != nil {
			return err
		}
	}
	return nil
}

// set reads one claim. The type of a registered claim that decides is an error,
// which names the claim. Every other name may be a foreign issuer's own claim:
// with another type than ours it is kept as such.
func (d *draft) set(name []byte, v jose.Value) (err error) {
	switch string(name) {
	case "iss":
		d.iss, err = d.text(v)
	case "sub":
		d.texts[subject], err = d.text(v)
	case "aud":
		d.texts[audience], err = v, d.isTexts(v, true)
	case "exp":
		d.dates[expires], err = date(v)
	case "nbf":
		d.dates[notBefore], err = date(v)
	case "iat":
		d.dates[issuedAt], err = date(v)
	default:
		if !d.setOurs(name, v) {
			d.texts[rest] = appendMember(d.texts[rest], name, v)
		}
	}
	if err != nil {
		return fmt.Errorf("claim %s: %w", name, err)
	}
	return nil
}

// setOurs reads a claim of ours, and reports whether it is one. One that
// revocation needs must have its type where revocation is followed.
func (d *draft) setOurs(name []byte, v jose.Value) bool {
	var err error
	switch string(name) {
	case "jti":
		return d.setLogged(tokenID, "jti", v)
	case "client_id":
		return d.setLogged(clientID, "client_id", v)
	case "sid":
		return d.setLogged(sessionID, "sid", v)
	case "rvs":
		if d.revision, err = v.Int(); err != nil {
			d.revision, d.mistyped = noRevision, "rvs"
		}
	case "scope":
		d.texts[scope], err = d.names(v)
	case "scp":
		d.scp, _ = d.names(v)
		return false // Raw has it as it is
	case "type":
		d.typ, _ = d.text(v)
		return false
	case "amr":
		if err = d.isTexts(v, false); err == nil {
			d.texts[amr] = v
		}
	case "csrf":
		d.texts[csrf], err = d.text(v)
	case "auth_time":
		if d.dates[authTime], err = date(v); err != nil {
			d.dates[authTime] = noDate
		}
	case "fresh":
		d.fresh, err = v.Bool()
	default:
		return false
	}
	return err == nil
}

func (d *draft) setLogged(field int, name string, v jose.Value) bool {
	text, err := d.text(v)
	if err != nil {
		d.mistyped = name
		return false
	}
	d.texts[field] = text
	return true
}

// names reads a scope: names between spaces, or an array of names. An element
// with a space in it is no name, and grants nothing.
func (d *draft) names(v jose.Value) ([]byte, error) {
	if len(v) == 0 || v[0] != '[' {
		return d.text(v)
	}
	all, err := v.Texts()
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(name string) bool { return strings.ContainsAny(name, " \t\r\n") })
	return []byte(strings.Join(all, " ")), nil
}

// text is the string without its quotes; escapes, which are rare, cost a copy.
func (d *draft) text(v jose.Value) ([]byte, error) {
	if len(v) >= 2 && v[0] == '"' && (d.plain || bytes.IndexByte(v, '\\') < 0) {
		return v[1 : len(v)-1], nil
	}
	s, err := v.Text()
	return []byte(s), err
}

// isTexts checks an array of strings, or one string where that may stand.
func (d *draft) isTexts(v jose.Value, orOne bool) error {
	if len(v) > 0 && v[0] == '"' && orOne {
		_, err := d.text(v)
		return err
	}
	if d.plain && len(v) > 0 && v[0] == '[' {
		return nil // flat knows no arrays but those of strings
	}
	_, err := v.Texts()
	return err
}

func date(v jose.Value) (int64, error) {
	if seconds, ok := tenDigits(v); ok {
		return seconds * 1000, nil
	}
	at, err := v.Date()
	return at.UnixMilli(), err
}

// tenDigits reads a date between 2001 and 2286.
func tenDigits(v jose.Value) (n int64, ok bool) {
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

// appendMember writes a member of an object, without braces.
func appendMember(b, name []byte, v jose.Value) []byte {
	if len(b) > 0 {
		b = append(b, ',')
	}
	quoted, err := json.Marshal(string(name))
	if err != nil {
		return b // strings always marshal
	}
	return append(append(append(b, quoted...), ':'), v...)
}

// policy is what the verifier wants of every token. It is part of every record,
// and there is one cache for each verifier: what one has accepted means nothing
// to another.
type policy struct {
	issuer, audience string
	profile          Profile
	leeway           int64 // milliseconds
	revocable        bool  // records have marks
}

// checkCheap looks at what costs nothing, before the signature is checked.
func (p *policy) checkCheap(d *draft, now int64) error {
	switch {
	case string(d.iss) != p.issuer:
		return ErrIssuer
	case d.dates[expires] == noDate:
		return fmt.Errorf("%w: no exp", ErrClaims)
	case p.expired(d.dates[expires], now):
		return ErrExpired
	case p.revocable && d.mistyped != "":
		return fmt.Errorf("%w: claim %s has another type than the revocation log needs", ErrClaims, d.mistyped)
	}
	return nil
}

// check looks at the rest.
func (p *policy) check(d *draft, now int64) error {
	switch {
	case len(d.texts[audience]) == 0:
		return fmt.Errorf("%w: no aud", ErrAudience)
	case !p.isFor(d):
		return ErrAudience
	case p.profile == Flask && string(d.typ) != "access" || string(d.typ) == "refresh":
		return fmt.Errorf("%w: claim type", ErrType)
	case len(d.texts[subject]) == 0:
		return fmt.Errorf("%w: no sub", ErrClaims)
	case d.dates[issuedAt] == noDate:
		return fmt.Errorf("%w: no iat", ErrClaims)
	case p.early(d.dates[notBefore], now) || p.early(d.dates[issuedAt], now):
		return ErrNotYet
	}
	return nil
}

func (p *policy) expired(expires, now int64) bool { return now >= expires+p.leeway }
func (p *policy) early(from, now int64) bool      { return from > now+p.leeway }

// isFor compares the audience, which is JSON.
func (p *policy) isFor(d *draft) bool {
	aud := jose.Value(d.texts[audience])
	if len(aud) == 0 || aud[0] == '"' {
		one, err := d.text(aud)
		return err == nil && string(one) == p.audience
	}
	all, err := aud.Texts()
	return err == nil && slices.Contains(all, p.audience)
}

// record makes what is kept of a token that was verified.
func (p *policy) record(d *draft, k *key) *record {
	if aud := d.texts[audience]; aud[0] == '"' && (d.plain || bytes.IndexByte(aud, '\\') < 0) {
		d.texts[audience] = nil // the usual one is not kept
	}
	if len(d.texts[scope]) == 0 {
		d.texts[scope] = d.scp
	}
	r := &record{policy: p, key: k, dates: d.dates, revision: d.revision, fresh: d.fresh}
	size := 0
	for i, t := range d.texts {
		size += len(t)
		r.ends[i] = uint16(size) // a token has 8 KiB at most
	}
	var all strings.Builder
	all.Grow(size)
	for _, t := range d.texts {
		all.Write(t)
	}
	r.texts = all.String()
	return r
}

// moment is the inverse of date.
func moment(ms int64) time.Time {
	if ms == noDate {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
