package workbench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"github.com/portaria/portaria/internal/workbench/refusal"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/strictjson"
)

// maxLeeway is the limit of the service's own setting.
const maxLeeway = time.Minute

// expectation describes the required claims of a token.
type expectation struct {
	Typ        string    `help:"Expected header typ, such as at+jwt." placeholder:"TYP"`
	AllowNoExp bool      `name:"allow-no-exp" help:"Accept a token that never expires."`
	At         time.Time `help:"Check as of this time instead of now, as 2030-01-02T03:04:05Z." placeholder:"TIME"`

	issuer, audience string
	leeway           time.Duration
}

// complete adds the flags that are also settings. It uses only flags, because the
// settings of the service do not apply to other tokens.
func (e expectation) complete(c *cli.Call, raw bool) (expectation, error) {
	given := c.Flags.Given()
	if raw {
		flags := partyFlags(c)
		_, flags["leeway"] = given["leeway"]
		flags["at"], flags["allow-no-exp"] = !e.At.IsZero(), e.AllowNoExp
		if err := withoutClaims(flags); err != nil {
			return e, err
		}
	}
	e.issuer, e.audience = given["issuer"], given["audience"]
	if e.At.IsZero() {
		e.At = time.Now()
	}
	if text, ok := given["leeway"]; ok {
		leeway, err := time.ParseDuration(text)
		if err != nil || leeway < 0 || leeway > maxLeeway {
			return e, cli.Misuse("--leeway is 0s to %v", maxLeeway)
		}
		e.leeway = leeway
	}
	return e, nil
}

// partyFlags returns the given flags of settings that are about claims.
func partyFlags(c *cli.Call) map[string]bool {
	given := c.Flags.Given()
	_, issuer := given["issuer"]
	_, audience := given["audience"]
	return map[string]bool{"issuer": issuer, "audience": audience}
}

// withoutClaims rejects flags about claims if no claims are checked or written. To
// ignore them would look like success.
func withoutClaims(flags map[string]bool) error {
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		if flags[name] {
			return cli.Misuse("--%s is about claims; leave it out with --raw or for a token inside another, where no claims are checked or written", name)
		}
	}
	return nil
}

// check checks claims. Errors are refusals that name the claim.
func (e expectation) check(payload []byte, typ string) error {
	claims, err := strictjson.Parse(payload)
	if err != nil {
		return refusal.New("claims", fmt.Errorf("the payload is no strict JSON object (--raw accepts any payload): %w", err))
	}
	if err := e.checkType(typ); err != nil {
		return err
	}
	if err := e.checkTimes(claims); err != nil {
		return err
	}
	return e.checkParties(claims)
}

// checkType checks the header's type, which tokens without claims have as well.
func (e expectation) checkType(typ string) error {
	if e.Typ != "" && !sameType(typ, e.Typ) {
		return refusal.New("typ", fmt.Errorf("it is %q, not %q", typ, e.Typ))
	}
	return nil
}

func (e expectation) checkTimes(claims strictjson.Object) error {
	exp, has, err := date(claims, "exp")
	switch {
	case err != nil:
		return err
	case !has && !e.AllowNoExp:
		return refusal.New("exp", errors.New("it is missing, so the token never expires; --allow-no-exp accepts that"))
	case has && !e.At.Before(exp.Add(e.leeway)):
		return refusal.New("exp", fmt.Errorf("it expired %s ago, at %s", between(exp, e.At), cli.Clock(exp)))
	}
	nbf, has, err := date(claims, "nbf")
	switch {
	case err != nil:
		return err
	case has && nbf.After(e.At.Add(e.leeway)):
		return refusal.New("nbf", fmt.Errorf("it is not valid before %[2]s, in %[1]s", between(e.At, nbf), cli.Clock(nbf)))
	}
	_, _, err = date(claims, "iat")
	return err
}

func (e expectation) checkParties(claims strictjson.Object) error {
	if e.issuer != "" {
		v, _ := claims.Get("iss")
		if iss, err := v.Text(); err != nil || iss != e.issuer {
			return refusal.New("iss", fmt.Errorf("it is not from %s", cli.Printable(e.issuer)))
		}
	}
	if e.audience != "" {
		v, _ := claims.Get("aud")
		if aud, err := v.TextOrTexts(); err != nil || !slices.Contains(aud, e.audience) {
			return refusal.New("aud", fmt.Errorf("it is not for %s", cli.Printable(e.audience)))
		}
	}
	return nil
}

// checked lists the claims that were checked and those that were not, so that nobody
// takes silence for success.
func (e expectation) checked() string {
	did, not := []string{"exp", "nbf"}, []string{}
	for _, claim := range []struct{ name, want string }{{"iss (--issuer)", e.issuer}, {"aud (--audience)", e.audience}, {"typ (--typ)", e.Typ}} {
		name, _, _ := strings.Cut(claim.name, " ")
		if claim.want != "" {
			did = append(did, name)
		} else {
			not = append(not, claim.name)
		}
	}
	text := ", " + strings.Join(did, ", ")
	if len(not) > 0 {
		text += "; not checked: " + strings.Join(not, ", ")
	}
	return text
}

// date reads a time of the claims; has is false if it is missing.
func date(claims strictjson.Object, name string) (t time.Time, has bool, err error) {
	v, has := claims.Get(name)
	if !has {
		return time.Time{}, false, nil
	}
	if t, err = v.Date(); err != nil {
		return t, true, refusal.New(name, fmt.Errorf("it is no time in seconds since 1970: %w", err))
	}
	return t, true, nil
}

// sameType compares types by the rules of RFC 7515, section 4.1.9.
func sameType(a, b string) bool {
	short := func(t string) string { return strings.TrimPrefix(strings.ToLower(t), "application/") }
	return short(a) == short(b)
}

// input reads the claims of a new token.
func input(c *cli.Call) ([]byte, error) { return c.ReadStdin(jose.MaxToken) }

// payload returns the text to sign.
func (k claiming) payload(c *cli.Call, raw bool) ([]byte, error) {
	text, err := c.ReadStdin(maxInspected) // more than fits, so that an error can name the largest claim
	if err != nil || raw {
		return text, err
	}
	return k.build(c, text)
}

// withoutClaims rejects flags that have no effect if standard input is used unchanged.
func (k claiming) withoutClaims(c *cli.Call) error {
	flags := partyFlags(c)
	flags["subject"], flags["ttl"], flags["allow-no-exp"] = k.Subject != "", k.TTL != 0, k.AllowNoExp
	return withoutClaims(flags)
}

// build adds the claims of flags to those on standard input.
func (k claiming) build(c *cli.Call, text []byte) ([]byte, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		text = []byte("{}")
	}
	claims, err := strictjson.Parse(text)
	if err != nil {
		return nil, cli.Misuse("standard input holds no strict JSON object (--raw accepts anything): %w", err)
	}
	for _, extra := range k.flags(c, time.Now()) {
		if _, twice := claims.Get(extra.Name); twice {
			return nil, cli.Misuse("%s is both in the claims and in the flags: give it once", extra.Name)
		}
		claims = append(claims, extra)
	}
	if _, has, err := date(claims, "exp"); err != nil || !has && !k.AllowNoExp {
		if err == nil {
			err = errors.New("no exp: the token would never expire; add --ttl, or --allow-no-exp if you mean it")
		}
		return nil, cli.Misuse("%w", err)
	}
	return written(claims)
}

func (k claiming) flags(c *cli.Call, now time.Time) (claims strictjson.Object) {
	given := c.Flags.Given()
	for _, text := range []struct{ name, value string }{{"iss", given["issuer"]}, {"sub", k.Subject}, {"aud", given["audience"]}} {
		if text.value != "" {
			value, _ := json.Marshal(text.value) // strings always marshal
			claims = append(claims, strictjson.Member{Name: text.name, Value: value})
		}
	}
	if k.TTL != 0 {
		second := func(t time.Time) strictjson.Value { return strconv.AppendInt(nil, t.Unix(), 10) }
		claims = append(claims, strictjson.Member{Name: "iat", Value: second(now)}, strictjson.Member{Name: "exp", Value: second(now.Add(time.Duration(k.TTL)))})
	}
	return claims
}

// written writes an object in its order, without spaces between members.
func written(object strictjson.Object) ([]byte, error) {
	text := []byte{'{'}
	for i, m := range object {
		if i > 0 {
			text = append(text, ',')
		}
		name, err := json.Marshal(m.Name)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", m.Name, err)
		}
		text = append(append(append(text, name...), ':'), m.Value...)
	}
	var out bytes.Buffer
	if err := json.Compact(&out, append(text, '}')); err != nil {
		return nil, fmt.Errorf("write claims: %w", err)
	}
	return out.Bytes(), nil
}

// printClaims prints claims for people and programs: indented JSON without characters
// that could control the terminal.
func printClaims(w io.Writer, claims []byte) error {
	var out bytes.Buffer
	if err := json.Indent(&out, claims, "", "  "); err != nil {
		return fmt.Errorf("print claims: %w", err)
	}
	var safe strings.Builder
	for _, r := range out.String() {
		if r == '\n' || unicode.IsGraphic(r) {
			safe.WriteRune(r)
		} else {
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&safe, "\\u%04x", unit) // only strings hold these runes
			}
		}
	}
	_, err := fmt.Fprintln(w, strings.TrimSpace(safe.String()))
	return err
}

// between returns the time from one moment to a later one. Beyond 292 years a
// [time.Duration] would not hold it.
func between(from, to time.Time) string {
	if days := (to.Unix() - from.Unix()) / (24 * 60 * 60); days >= 2 {
		return fmt.Sprintf("%d days", days)
	}
	return span(to.Sub(from))
}

// span writes a duration for people with its one or two greatest units.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm %ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh %dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours())/24)
}
