package verify

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/strictjson"
	"github.com/portaria/portaria/verify/internal/keyset"
	"github.com/portaria/portaria/verify/internal/payload"
	"github.com/portaria/portaria/verify/internal/view"
)

// Claims are what a verified token says. They never change, are small to copy,
// and may be kept. The zero Claims, which only a caller can make, say nothing.
type Claims struct{ r *record }

// record is a verified token: its claims, and what else must hold for as long
// as it is cached. It is laid out to be small, because there are many.
type record struct {
	texts    string
	policy   *policy
	key      *keyset.Key
	dates    [payload.Dates]int64 // milliseconds
	revision int64
	digest   digest
	mark     view.Mark
	ends     [payload.Fields]uint16
	fresh    bool
	used     atomic.Bool
}

// Mark is where the view of the revocation log keeps its notes.
func (r *record) Mark() *view.Mark { return &r.mark }

// Facts returns the claims that rules speak of.
func (r *record) Facts() view.Facts {
	c := Claims{r}
	return view.Facts{Issuer: c.Issuer(), ID: c.ID(), Session: c.SessionID(), Root: c.Root(), Account: c.Subject(), Client: c.ClientID(), Kid: r.key.Kid(),
		Revision: r.revision, IssuedAt: r.dates[payload.IssuedAt]}
}

// Identity tells tokens apart by all that they say.
func (r *record) Identity() [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf([]byte(r.texts), "\x00%v %d", r.dates, r.revision))
}

func (c Claims) text(field int) string {
	if c.r == nil {
		return ""
	}
	from := uint16(0)
	if field > 0 {
		from = c.r.ends[field-1]
	}
	return c.r.texts[from:c.r.ends[field]]
}

func (c Claims) date(which int) time.Time {
	if c.r == nil {
		return time.Time{}
	}
	return payload.Time(c.r.dates[which])
}

// Issuer returns "iss".
func (c Claims) Issuer() string {
	if c.r == nil {
		return ""
	}
	return c.r.policy.issuer
}

// Subject returns "sub": the account, or the service the token was given to.
func (c Claims) Subject() string { return c.text(payload.Subject) }

// Audience returns "aud": this service, and maybe others.
func (c Claims) Audience() []string {
	if c.r == nil {
		return nil
	}
	if aud := c.text(payload.Audience); aud != "" {
		all, _ := strictjson.Value(aud).TextOrTexts() // checked when it was verified
		return all
	}
	return []string{c.r.policy.audience}
}

// ExpiresAt returns "exp".
func (c Claims) ExpiresAt() time.Time { return c.date(payload.Expires) }

// NotBefore returns "nbf", the zero time when absent.
func (c Claims) NotBefore() time.Time { return c.date(payload.NotBefore) }

// IssuedAt returns "iat".
func (c Claims) IssuedAt() time.Time { return c.date(payload.IssuedAt) }

// AuthTime returns "auth_time", when the account last proved a credential; the
// zero time when absent.
func (c Claims) AuthTime() time.Time { return c.date(payload.AuthTime) }

// ID returns "jti".
func (c Claims) ID() string { return c.text(payload.TokenID) }

// ClientID returns "client_id": the application that got the token.
func (c Claims) ClientID() string { return c.text(payload.ClientID) }

// SessionID returns "sid", empty for a token of no session.
func (c Claims) SessionID() string { return c.text(payload.SessionID) }

// Root returns "root": the session at the top, which the token's own session came
// from. It is empty for a session that came from no other. When the root ends, the
// verifier rejects all tokens that name it.
func (c Claims) Root() string { return c.text(payload.Root) }

// Scope returns "scope", or "scp" of issuers that have that instead: names
// between spaces.
func (c Claims) Scope() string { return c.text(payload.Scope) }

// HasScope reports whether the scope holds exactly this name.
func (c Claims) HasScope(name string) bool {
	for granted := range strings.SplitSeq(c.Scope(), " ") {
		if granted == name && name != "" {
			return true
		}
	}
	return false
}

// AMR returns "amr": how the account proved who it is (RFC 8176).
func (c Claims) AMR() []string {
	methods, _ := strictjson.Value(c.text(payload.AMR)).Texts() // checked, or absent
	return methods
}

// ACR returns "acr", the authentication context: "aal1" after the proof of one
// credential and "aal2" after proofs of different kinds, in tokens of Portaria.
func (c Claims) ACR() string { return c.text(payload.ACR) }

// Fresh returns "fresh": whether a credential was proved for this very token.
// A refreshed token is not fresh.
func (c Claims) Fresh() bool { return c.r != nil && c.r.fresh }

// Revision returns "rvs": how much of the revocation log the issuer knew.
func (c Claims) Revision() int64 {
	if c.r == nil {
		return 0
	}
	return max(c.r.revision, 0)
}

// Raw returns any claim as JSON, by its exact name: for those that the operator
// has added. The registered ones come in their usual spelling.
func (c Claims) Raw(name string) (json.RawMessage, bool) {
	for _, text := range []string{c.text(payload.Rest), ""} {
		data := []byte("{" + text + "}")
		if text == "" {
			data = c.json()
		}
		object, err := strictjson.Parse(data)
		if err != nil {
			continue
		}
		if v, ok := object.Get(name); ok {
			return json.RawMessage(v), true
		}
	}
	return nil, false
}

// Decode returns the claims as a T, for instance a struct with the operator's
// own claims as fields with json tags. Names of claims are case-sensitive, and
// Go's decoder is not: a claim whose name differs from the field's only in its
// case is left out. That holds for T itself, not for objects deeper inside.
func Decode[T any](c Claims) (T, error) {
	var into T
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(c.json(), &members); err != nil {
		return into, fmt.Errorf("read claims: %w", err)
	}
	names := fieldNames(reflect.TypeFor[T]())
	for claim := range members {
		folds := func(name string) bool { return strings.EqualFold(name, claim) }
		if slices.ContainsFunc(names, folds) && !slices.Contains(names, claim) {
			delete(members, claim)
		}
	}
	exact, err := json.Marshal(members)
	if err != nil {
		return into, fmt.Errorf("read claims: %w", err)
	}
	if err := json.Unmarshal(exact, &into); err != nil {
		return into, fmt.Errorf("read claims: %w", err)
	}
	return into, nil
}

// fieldNames lists the names that Go's decoder knows for a struct.
func fieldNames(t reflect.Type) []string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, cmp.Or(name, f.Name))
	}
	return names
}

// json returns all claims as an object.
func (c Claims) json() []byte {
	if c.r == nil {
		return []byte("{}")
	}
	var b []byte
	member := func(name string, value any, present bool) {
		if text, err := json.Marshal(value); err == nil && present {
			b = payload.AppendMember(b, []byte(name), text)
		}
	}
	texts := func(name, raw string) { member(name, json.RawMessage(raw), raw != "") }
	text := func(name string, field int) { member(name, c.text(field), c.text(field) != "") }
	date := func(name string, which int) {
		ms := c.r.dates[which]
		value := any(ms / 1000)
		if ms%1000 != 0 {
			value = float64(ms) / 1000
		}
		member(name, value, ms != payload.NoDate)
	}
	member("iss", c.Issuer(), true)
	text("sub", payload.Subject)
	member("aud", c.r.policy.audience, c.text(payload.Audience) == "")
	texts("aud", c.text(payload.Audience))
	date("exp", payload.Expires)
	date("nbf", payload.NotBefore)
	date("iat", payload.IssuedAt)
	date("auth_time", payload.AuthTime)
	text("jti", payload.TokenID)
	text("client_id", payload.ClientID)
	text("sid", payload.SessionID)
	text("root", payload.Root)
	text("scope", payload.Scope)
	texts("amr", c.text(payload.AMR))
	text("acr", payload.ACR)
	member("fresh", c.r.fresh, true)
	member("rvs", c.r.revision, c.r.revision != payload.NoRevision)
	text("csrf", payload.CSRF)
	if custom := c.text(payload.Rest); custom != "" {
		b = append(append(b, ','), custom...)
	}
	return append(append([]byte{'{'}, b...), '}')
}
