package admincli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keycli"
)

// RevokeCommand is the command line for revocations.
type RevokeCommand struct {
	Token    revokeToken    `cmd:"" help:"Take back one access token."`
	Session  revokeSession  `cmd:"" help:"End a session, with all its access tokens."`
	Account  revokeAccount  `cmd:"" help:"End all sessions of an account, with all its access tokens."`
	Client   revokeClient   `cmd:"" help:"Take back all that a client got so far."`
	Key      revokeKey      `cmd:"" help:"Kill a signing key, with all that it signed."`
	Issuer   revokeIssuer   `cmd:"" help:"Take back everything: everybody signs in again."`
	NewEpoch revokeNewEpoch `cmd:"" help:"After a backup was restored: let no place in the log be taken for another."`
}

// Help says what is promised.
func (RevokeCommand) Help() string {
	return "Services that follow the feed refuse within a moment; those that cannot be reached trust nothing that they knew " +
		"before, after the time that the receipt names."
}

// howRevoked are the flags of all revocations.
type howRevoked struct {
	Soft   bool   `help:"Let the holder come back with a refresh: what the tokens say is outdated, the session is not over."`
	Wait   bool   `help:"Wait until all verifiers have confirmed, for some seconds at most."`
	Reason string `help:"For the audit trail." placeholder:"TEXT"`

	unseen bool
}

// waitFor is how long --wait waits.
const waitFor = 15 * time.Second

// revoke takes a target back and prints the receipt.
func (h howRevoked) revoke(c *cli.Call, target api.Target, what string) error {
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	in := api.Revoke{Target: target, Mode: "hard", Reason: h.Reason, Unseen: h.unseen}
	if h.Soft {
		in.Mode = "soft"
	}
	var wait time.Duration
	if h.Wait {
		wait = waitFor
	}
	receipt, err := admin.Revoke(c, in, wait)
	if err != nil {
		return err
	}
	return c.Say(receipt, "revoked %s\n%s", what, inWords(receipt))
}

// inWords is a receipt as a person reads it.
func inWords(r api.Receipt) string {
	by := "refused everywhere by " + r.EffectiveBy.UTC().Format("15:04:05Z")
	all := r.Confirmed + r.Pending + r.Silent
	var lines []string
	switch {
	case all == 0:
		lines = append(lines, by+"; no verifier follows the feed, so others go on until their tokens expire")
	default:
		lines = append(lines, fmt.Sprintf("%s; %d of %s confirmed", by, r.Confirmed, verifiers(all)))
	}
	if r.Silent > 0 {
		lines = append(lines, fmt.Sprintf("%d not heard of lately: they trust nothing that they knew before", r.Silent))
	}
	for _, name := range r.Open {
		lines = append(lines, cli.Printable(name)+" may accept what it cannot know: for it nothing is promised")
	}
	if more := r.OpenCount - len(r.Open); more > 0 {
		lines = append(lines, fmt.Sprintf("%d more may do so", more))
	}
	lines = append(lines, "receipt "+strconv.FormatInt(r.Seq, 10))
	return strings.Join(lines, "\n")
}

func verifiers(n int) string {
	if n == 1 {
		return "1 verifier has"
	}
	return strconv.Itoa(n) + " verifiers have"
}

// exists refuses a misspelt target: a rule about nothing would look as if what
// was meant were over.
func exists(c *cli.Call, what, id string, find func(*client.Client) error) error {
	if strings.TrimSpace(id) == "" {
		return cli.Misuse("name a %s", what) // an empty variable in a script, say
	}
	url := c.URL
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	c.URL = url // as it was given
	var answer *api.Problem
	if err = find(admin); errors.As(err, &answer) && answer.Status == http.StatusNotFound {
		return fmt.Errorf("no %s is called %s; nothing was revoked", what, cli.Printable(id))
	}
	return err
}

func clientExists(c *cli.Call, id string) error {
	if app.BuiltInClient(id) {
		return nil // not registered, but its tokens are
	}
	return exists(c, "client", id, func(admin *client.Client) error {
		_, err := admin.RegisteredClient(c, id)
		return err
	})
}

type revokeToken struct {
	Token string `arg:"" help:"The access token, its jti, or - to read it from standard input."`
	howRevoked
}

// maxTokenLine bounds a token on standard input, in bytes.
const maxTokenLine = 16 << 10

// Run revokes one token.
func (r revokeToken) Run(c *cli.Call) error {
	text := r.Token
	if text == "-" {
		line, err := bufio.NewReader(io.LimitReader(c.Stdin, maxTokenLine)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read token: %w", err)
		}
		text = strings.TrimSpace(line)
	}
	jti, err := jtiOf(text)
	if err != nil {
		return err
	}
	if jti == text {
		fmt.Fprintln(c.Stderr, "note: no list of tokens is kept, so nobody knows whether there is one with this jti; if there is, it is refused")
	}
	return r.revoke(c, api.Target{Token: jti}, "token "+cli.Printable(jti))
}

// jtiOf takes the name of a token out of it. Nothing is verified: whoever may
// revoke may name what he likes.
func jtiOf(text string) (string, error) {
	if text != "" && !strings.Contains(text, ".") {
		return text, nil
	}
	parts, err := jose.Split(text)
	if err != nil {
		return "", errNoToken()
	}
	payload, err := jose.Decode(parts.Payload)
	if err != nil {
		return "", errNoToken()
	}
	object, err := jose.ParseObject(payload)
	if err != nil {
		return "", errNoToken()
	}
	value, _ := object.Get("jti")
	jti, err := value.Text()
	if err != nil || jti == "" {
		return "", cli.Misuse("this token has no jti")
	}
	return jti, nil
}

func errNoToken() error { return cli.Misuse("this is neither an access token nor a jti") }

type revokeSession struct {
	ID string `arg:"" help:"Id of the session."`
	howRevoked
}

// Run revokes a session.
func (r revokeSession) Run(c *cli.Call) error {
	err := exists(c, "session", r.ID, func(admin *client.Client) error {
		_, err := admin.Session(c, r.ID)
		return err
	})
	if err != nil {
		return err
	}
	return r.revoke(c, api.Target{Session: r.ID}, "session "+cli.Printable(r.ID))
}

type revokeAccount struct {
	whom
	At string `help:"Only what this client got." placeholder:"CLIENT"`
	howRevoked
}

// Run revokes an account's sessions and tokens.
func (r revokeAccount) Run(c *cli.Call) error {
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	found, err := r.find(c, admin)
	if err != nil {
		return err
	}
	if r.At != "" {
		if err := clientExists(c, r.At); err != nil {
			return err
		}
	}
	return r.revoke(c, api.Target{Account: found.ID, Client: r.At}, "all tokens of "+cli.Printable(found.Identifier))
}

type revokeClient struct {
	ID string `arg:"" help:"The client_id."`
	howRevoked
}

// Run revokes what a client got.
func (r revokeClient) Run(c *cli.Call) error {
	if err := clientExists(c, r.ID); err != nil {
		return err
	}
	return r.revoke(c, api.Target{Client: r.ID}, "all tokens of client "+cli.Printable(r.ID))
}

type revokeKey struct {
	Kid    string `arg:"" help:"The kid."`
	Yes    bool   `help:"Do not ask."`
	Unseen bool   `help:"Also a key that is none of the service's: one that verifiers were given by hand, say."`
	Wait   bool   `help:"Wait until all verifiers have confirmed, for some seconds at most."`
	Reason string `help:"For the audit trail." placeholder:"TEXT"`
}

// Run kills a key.
func (r revokeKey) Run(c *cli.Call) error {
	if !r.Yes {
		return cli.Misuse("every token that the key has signed is refused, for good; say --yes")
	}
	if err := r.known(c); err != nil {
		return err
	}
	return howRevoked{Wait: r.Wait, Reason: r.Reason, unseen: r.Unseen}.revoke(c, api.Target{Key: r.Kid}, "key "+cli.Printable(r.Kid))
}

// known refuses a misspelt kid: the key that was meant would go on.
func (r revokeKey) known(c *cli.Call) error {
	if r.Unseen {
		return nil
	}
	return keycli.WithKeys(c, func(keys *app.LocalKeys, _ time.Time) error {
		if _, err := (keycli.OneKey{Kid: r.Kid}).Find(keys); err != nil {
			return fmt.Errorf("no such key: %s; nothing was revoked. If verifiers know it all the same, say --unseen", cli.Printable(r.Kid))
		}
		return nil
	})
}

type revokeIssuer struct {
	Yes bool `help:"Do not ask."`
	howRevoked
}

// Run revokes everything.
func (r revokeIssuer) Run(c *cli.Call) error {
	if !r.Yes {
		return cli.Misuse("everybody has to sign in again; say --yes")
	}
	return r.revoke(c, api.Target{Issuer: true}, "everything so far")
}

type revokeNewEpoch struct{}

// Run begins an epoch.
func (revokeNewEpoch) Run(c *cli.Call) error {
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	epoch, err := admin.NewEpoch(c)
	if err != nil {
		return err
	}
	return c.Say(epoch, "epoch %d begins; verifiers take a snapshot and keep what they know", epoch.Epoch)
}

// VerifiersCommand is the command line for verifiers.
type VerifiersCommand struct{}

// Run lists who follows the feed.
func (VerifiersCommand) Run(c *cli.Call) error {
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	list, err := admin.Verifiers(c)
	if err != nil {
		return err
	}
	rows := [][]string{{"CLIENT", "VERIFIER", "AUDIENCE", "BEHIND", "TRUSTS FOR", "WHEN STALE", "LAST HEARD"}}
	for _, v := range list.Verifiers {
		heard := cli.Clock(v.Seen)
		if v.Silent {
			heard += " (silent)"
		}
		rows = append(rows, []string{v.Client, cli.Short(v.Name), cli.Short(v.Audience), strconv.FormatInt(v.Behind, 10),
			(time.Duration(v.Staleness) * time.Millisecond).String(), v.WhenStale, heard})
	}
	return c.Print(list, rows)
}
