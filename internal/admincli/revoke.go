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
	Token    revokeToken    `cmd:"" help:"Revoke one access token. Give the token on standard input."`
	Session  revokeSession  `cmd:"" help:"End a session and revoke its access tokens."`
	Account  revokeAccount  `cmd:"" help:"End all sessions of an account and revoke its access tokens."`
	Client   revokeClient   `cmd:"" help:"Revoke all tokens issued to a client so far."`
	Key      revokeKey      `cmd:"" help:"Revoke a signing key. Every token that it signed is rejected."`
	Issuer   revokeIssuer   `cmd:"" help:"Revoke everything. Everybody has to sign in again."`
	NewEpoch revokeNewEpoch `cmd:"" help:"Start a new epoch of the revocation log. Run once after restoring a backup."`
}

// Help says what is promised.
func (RevokeCommand) Help() string {
	return "Verifiers that follow the feed reject within a moment. A verifier that is offline answers 503 " +
		"after the time in the receipt, until it reconnects."
}

// howRevoked are the flags of all revocations.
type howRevoked struct {
	Soft   bool   `help:"Reject current access tokens but keep the session; the client only has to refresh."`
	Wait   bool   `help:"Wait up to 15 seconds for all verifiers to confirm."`
	Reason string `help:"Reason, written to the audit trail." placeholder:"TEXT"`

	unseen bool
}

// waitFor is how long --wait waits.
const waitFor = 15 * time.Second

// revoke revokes a target and prints the receipt.
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
		lines = append(lines, fmt.Sprintf("offline verifiers: %d; they answer 503 until they reconnect", r.Silent))
	}
	for _, name := range r.Open {
		lines = append(lines, cli.Printable(name)+" accepts tokens while it is offline (fail open); the bound does not hold for it")
	}
	if more := r.OpenCount - len(r.Open); more > 0 {
		lines = append(lines, fmt.Sprintf("%d more fail open", more))
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
	Token string `arg:"" optional:"" help:"The jti of the token. Without it, or with -, the token or its jti is read from standard input."`
	howRevoked
}

// maxTokenLine bounds a token on standard input, in bytes.
const maxTokenLine = 16 << 10

// Run revokes one token.
func (r revokeToken) Run(c *cli.Call) error {
	text := r.Token
	if text == "" || text == "-" {
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
		fmt.Fprintln(c.Stderr, "note: Portaria keeps no list of tokens and cannot check this jti; a token with this jti is rejected")
	}
	return r.revoke(c, api.Target{Token: jti}, "token "+cli.Printable(jti))
}

// jtiOf takes the name of a token out of it. Nothing is verified: a
// caller who may revoke may name any token.
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
	At string `help:"Only tokens issued to this client." placeholder:"CLIENT"`
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
	Kid string `arg:"" help:"The kid."`
	cli.Consent
	Unseen bool   `help:"Revoke a key that is not one of the service's, such as one that verifiers were given by hand."`
	Wait   bool   `help:"Wait up to 15 seconds for all verifiers to confirm."`
	Reason string `help:"Reason, written to the audit trail." placeholder:"TEXT"`
}

// Run kills a key.
func (r revokeKey) Run(c *cli.Call) error {
	if err := r.confirm(c); err != nil {
		return err
	}
	return howRevoked{Wait: r.Wait, Reason: r.Reason, unseen: r.Unseen}.revoke(c, api.Target{Key: r.Kid}, "key "+cli.Printable(r.Kid))
}

// confirm asks for confirmation. It rejects a misspelt kid: otherwise the key that
// was meant would stay in use.
func (r revokeKey) confirm(c *cli.Call) error {
	if r.Unseen {
		fmt.Fprintf(c.Stderr, "Every token signed with %s is rejected, for good.\n", cli.Printable(r.Kid))
		return r.Ask(c, keycli.Revoking, keycli.RevokeQuestion)
	}
	return keycli.WithKeys(c, func(keys *app.LocalKeys, now time.Time) error {
		key, err := (keycli.OneKey{Kid: r.Kid}).Find(keys)
		if err != nil {
			return fmt.Errorf("no such key: %s; nothing was revoked. If verifiers were given it by hand, add --unseen", cli.Printable(r.Kid))
		}
		return keycli.Confirm(c, r.Consent, r.Kid, key.State(now))
	})
}

type revokeIssuer struct {
	cli.Consent
	howRevoked
}

// Run revokes everything.
func (r revokeIssuer) Run(c *cli.Call) error {
	fmt.Fprintln(c.Stderr, "Every token and session is revoked. Everybody has to sign in again.")
	if err := r.Ask(c, "revoking everything", "Revoke everything?"); err != nil {
		return err
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
