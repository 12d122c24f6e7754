package workbench

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"github.com/portaria/portaria/internal/workbench/refusal"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/strictjson"
)

type tokenInspect struct {
	At time.Time `help:"Look at it as of this time instead of now, as 2030-01-02T03:04:05Z." placeholder:"TIME"`
}

// maxInspected is more than any verifier accepts, so that a token that is too large
// can be explained.
const maxInspected = 64 << 10

const notVerified = "NOT VERIFIED: anybody can write such a token. To check it: portaria token verify"

// inspection describes a token without any key.
type inspection struct {
	Verified bool            `json:"verified"` // never
	Kind     string          `json:"kind"`
	Size     int             `json:"size"`
	Header   json.RawMessage `json:"header,omitempty"`
	Claims   json.RawMessage `json:"claims,omitempty"`
	Warnings []string        `json:"warnings"`

	header, claims strictjson.Object
	headerRows     [][]string
	claimRows      [][]string
}

// Run explains a token.
func (t tokenInspect) Run(c *cli.Call) error {
	text, err := c.ReadStdin(maxInspected)
	if err != nil {
		return err
	}
	i, err := inspect(string(cli.TrimLine(text)), cmp.Or(t.At, time.Now()))
	if err != nil {
		return err
	}
	if c.JSON {
		return cli.AsJSON(c.Stdout, i)
	}
	fmt.Fprintf(c.Stdout, "%s\n\n%s, %d bytes\n", notVerified, i.Kind, i.Size)
	for _, part := range []struct {
		name string
		rows [][]string
	}{{"header", i.headerRows}, {"claims", i.claimRows}} {
		if len(part.rows) > 0 {
			fmt.Fprintf(c.Stdout, "\n%s\n", part.name)
			if err := c.Show(cli.Details(part.rows)); err != nil {
				return err
			}
		}
	}
	if len(i.Warnings) > 0 {
		fmt.Fprintln(c.Stdout, "\nwarnings")
	}
	for _, text := range i.Warnings {
		fmt.Fprintln(c.Stdout, "  -", cli.Printable(text))
	}
	return nil
}

// inspect explains a token. It returns an error if it cannot read the token, and a
// warning for each reason to reject a readable one.
func inspect(token string, now time.Time) (inspection, error) {
	i := inspection{Size: len(token), Warnings: []string{}}
	parts := strings.Split(token, ".")
	switch {
	case notOnlyToken(token) != nil:
		return i, refusal.New("form", notOnlyToken(token))
	case strings.HasPrefix(strings.TrimSpace(token), "{"):
		return i, refusal.New("form", fmt.Errorf("it is in the JSON serialization; only compact tokens are explained"))
	case len(parts) == 3:
		i.Kind = "signed token (JWS)"
	case len(parts) == 5:
		i.Kind = "encrypted token (JWE)"
	default:
		return i, refusal.New("form", fmt.Errorf("it has %d parts between dots; a signed token has 3, an encrypted one 5", len(parts)))
	}
	if err := i.readHeader(parts[0]); err != nil {
		return i, err
	}
	i.judgeHeader(parts)
	if len(parts) == 3 {
		i.readClaims(parts[1], now)
	}
	i.judgeSize()
	return i, nil
}

// notOnlyToken recognises other texts that people copy instead of a token, or with it.
func notOnlyToken(text string) error {
	lower := strings.ToLower(strings.TrimSpace(text))
	switch {
	case strings.HasPrefix(lower, "bearer "), strings.HasPrefix(lower, "authorization:"):
		return errors.New("this is a whole header: leave out everything up to \"Bearer \" and that word itself")
	case strings.HasPrefix(lower, "prt_"):
		return errors.New("this is a refresh token of Portaria: it holds no claims, and everybody who has it is signed in; " +
			"the access token is the one with dots")
	}
	return nil
}

func (i *inspection) warn(format string, args ...any) {
	i.Warnings = append(i.Warnings, fmt.Sprintf(format, args...))
}

func (i *inspection) readHeader(part string) error {
	text, err := jose.Decode(part)
	if err == nil {
		i.header, err = strictjson.Parse(text)
	}
	if err != nil {
		return refusal.New("header", err)
	}
	i.Header = text
	for _, m := range i.header {
		i.headerRows = append(i.headerRows, []string{"  " + m.Name, plain(m.Value), aboutHeader(m)})
	}
	return nil
}

// readClaims reads the payload if it holds claims.
func (i *inspection) readClaims(part string, now time.Time) {
	text, err := jose.Decode(part)
	if err == nil {
		i.claims, err = strictjson.Parse(text)
	}
	if err != nil {
		i.warn("not every reader reads the same claims from this payload (%v)", err)
		return
	}
	i.Claims = text
	for _, m := range i.claims {
		i.claimRows = append(i.claimRows, []string{"  " + m.Name, plain(m.Value), aboutClaim(m, now)})
	}
	i.judgeTimes(now)
	i.judgeParties()
	i.judgePersonal()
}

// plain returns a value without the quotes of JSON, cut if it is too long.
func plain(v strictjson.Value) string {
	text, err := v.Text()
	if err != nil {
		text = string(v)
	}
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:57]) + "..."
	}
	return text
}

func aboutHeader(m strictjson.Member) string {
	text, _ := m.Value.Text()
	switch m.Name {
	case "alg":
		return aboutAlgorithm(jose.Algorithm(text))
	case "enc":
		return "how the content is encrypted"
	case "kid":
		return "which key, by name"
	case "typ":
		if sameType(text, "at+jwt") {
			return "an access token (RFC 9068)"
		}
		return "what kind of token"
	case "cty":
		return "kind of the content"
	case "jwk", "jku", "x5u", "x5c":
		return "a key inside the token itself"
	}
	return ""
}

// aboutAlgorithm explains an algorithm and where it works.
func aboutAlgorithm(a jose.Algorithm) string {
	switch a {
	case jose.ES256, jose.RS256:
		return "a key pair signed it; verified nearly everywhere"
	case jose.HS256, jose.HS384, jose.HS512:
		return "a shared secret signed it"
	case jose.Dir:
		return "a shared secret encrypts the content itself"
	}
	switch {
	case a.Signs():
		return "a key pair signed it; not every verifier knows it"
	case a.Encrypts() && a.Symmetric():
		return "a shared secret wraps the key of the content"
	case a.Encrypts():
		return "a key pair protects the key of the content"
	}
	return "not accepted by Portaria"
}

func aboutClaim(m strictjson.Member, now time.Time) string {
	switch m.Name {
	case "iss":
		return "who made it"
	case "sub":
		return "its subject"
	case "aud":
		return "who may accept it"
	case "exp", "nbf", "iat", "auth_time", "updated_at":
		return aboutTime(m, now)
	case "jti":
		return "its id"
	case "client_id", "azp":
		return "which client asked for it"
	case "scope":
		return "what it permits"
	case "sid":
		return "which session"
	}
	return ""
}

func aboutTime(m strictjson.Member, now time.Time) string {
	t, err := m.Value.Date()
	if err != nil {
		return "no time in seconds since 1970"
	}
	verb := map[string]string{"exp": "expires", "nbf": "valid from", "iat": "made", "auth_time": "signed in", "updated_at": "changed"}[m.Name]
	if t.After(now) {
		return fmt.Sprintf("%s %s, in %s", verb, cli.Clock(t), between(now, t))
	}
	if m.Name == "exp" {
		verb = "expired"
	}
	return fmt.Sprintf("%s %s, %s ago", verb, cli.Clock(t), between(t, now))
}
