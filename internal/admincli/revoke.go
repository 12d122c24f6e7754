package admincli

import (
	"errors"
	"fmt"
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
	"github.com/portaria/portaria/internal/strictjson"
)

// RevokeCommand is the command line for revocations.
type RevokeCommand struct {
	Token    revokeToken      `cmd:"" effect:"changes" help:"Revoke one access token. Give the token on standard input."`
	Session  revokeSession    `cmd:"" effect:"changes" help:"End a session and revoke its access tokens."`
	Account  revokeAccount    `cmd:"" effect:"changes" help:"End all sessions of an account and revoke its access tokens."`
	Client   revokeClient     `cmd:"" effect:"destroys" help:"Revoke all tokens issued to a client so far."`
	Key      keycli.RevokeKey `cmd:"" effect:"destroys" help:"Revoke a signing key. Every token that it signed is rejected."`
	Issuer   revokeIssuer     `cmd:"" effect:"destroys" help:"Revoke everything. Everybody has to sign in again."`
	NewEpoch revokeNewEpoch   `cmd:"" effect:"changes" help:"Start a new epoch of the revocation log. Run once after restoring a backup."`
}

// Help describes the bound.
func (RevokeCommand) Help() string {
	return "Verifiers that follow the feed reject the tokens within a moment. A verifier that is offline answers 503 " +
		"from the time in the receipt until it reconnects."
}

// howRevoked are the flags of most revocations.
type howRevoked struct {
	Soft bool `help:"Reject current access tokens but keep the session; the client only has to refresh."`
	cli.Confirmation
}

// revoke revokes a target and prints the receipt.
func (h howRevoked) revoke(c *cli.Call, target api.Target, what string) error {
	in := api.Revoke{Target: target, Mode: "hard"}
	if h.Soft {
		in.Mode = "soft"
	}
	receipt, err := h.Revoke(c, in)
	if err != nil {
		return err
	}
	return c.Say(receipt, "revoked %s\n%s", what, cli.DescribeReceipt(receipt))
}

// exists rejects an unknown target: after a typing error, a receipt would suggest that
// the tokens that were meant are revoked.
func exists(c *cli.Call, what, id string, find func(*client.Client) error) error {
	if strings.TrimSpace(id) == "" {
		return cli.Misuse("name a %s", what) // for example, an empty variable of a script
	}
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	var answer *api.Problem
	if err = find(admin); errors.As(err, &answer) && answer.Status == http.StatusNotFound {
		return fmt.Errorf("no %s is called %s; nothing was revoked", what, cli.Printable(id))
	}
	return err
}

func clientExists(c *cli.Call, id string) error {
	if app.BuiltInClient(id) {
		return nil // it gets tokens without being registered
	}
	return exists(c, "client", id, func(admin *client.Client) error {
		_, err := admin.RegisteredClient(c, id)
		return err
	})
}

type revokeToken struct {
	Token string `arg:"" optional:"" input:"stdin" help:"The token or its jti. Without it, or with -, it is read from standard input."`
	howRevoked
}

// Run revokes one token.
func (r revokeToken) Run(c *cli.Call) error {
	text, err := c.TokenArgument(r.Token)
	if err != nil {
		return err
	}
	jti, err := jtiOf(text)
	if err != nil {
		return err
	}
	if jti == text {
		fmt.Fprintln(c.Stderr, "note: Portaria keeps no list of tokens, so it cannot check that a token with this jti exists")
	}
	return r.revoke(c, api.Target{Token: jti}, "token "+cli.Printable(jti))
}

// jtiOf returns the id of a token. It does not verify the token: a caller who may
// revoke tokens may revoke any.
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
	object, err := strictjson.Parse(payload)
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
	ID string `arg:"" help:"Id of the session, or its beginning."`
	howRevoked
}

// Run revokes a session.
func (r revokeSession) Run(c *cli.Call) error {
	var id string
	err := exists(c, "session", r.ID, func(admin *client.Client) (err error) {
		if id, err = sessionID(c, admin, r.ID); err != nil {
			return err
		}
		_, err = admin.Session(c, id)
		return err
	})
	if err != nil {
		return err
	}
	return r.revoke(c, api.Target{Session: id}, "session "+cli.Printable(id))
}

type revokeAccount struct {
	whom
	At string `help:"Only tokens issued to this client." placeholder:"CLIENT"`
	howRevoked
}

// Run revokes the sessions and tokens of an account.
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
	cli.Consent
	howRevoked
}

// Destroys reports false for a soft revocation: it ends no session.
func (r revokeClient) Destroys() bool { return !r.Soft }

// Consequence says what will be revoked.
func (r revokeClient) Consequence(*cli.Call) (string, error) {
	return "All tokens and sessions of client " + cli.Printable(r.ID) + " will be revoked. If it is an app, its people have to sign in again.", nil
}

// Run revokes the tokens of a client.
func (r revokeClient) Run(c *cli.Call) error {
	if err := clientExists(c, r.ID); err != nil {
		return err
	}
	return r.revoke(c, api.Target{Client: r.ID}, "all tokens of client "+cli.Printable(r.ID))
}

type revokeIssuer struct {
	cli.Consent
	howRevoked
}

// Destroys reports false for a soft revocation: it ends no session.
func (r revokeIssuer) Destroys() bool { return !r.Soft }

// Consequence says what will be revoked.
func (revokeIssuer) Consequence(*cli.Call) (string, error) {
	return "All tokens and sessions will be revoked. Everybody has to sign in again.", nil
}

// Run revokes all tokens.
func (r revokeIssuer) Run(c *cli.Call) error {
	return r.revoke(c, api.Target{Issuer: true}, "all tokens")
}

type revokeNewEpoch struct{}

// Run starts an epoch.
func (revokeNewEpoch) Run(c *cli.Call) error {
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	epoch, err := admin.NewEpoch(c)
	if err != nil {
		return err
	}
	return c.Say(epoch, "started epoch %d; verifiers fetch a snapshot and keep the rules that they know", epoch.Epoch)
}

// VerifiersCommand is the command line for verifiers.
type VerifiersCommand struct{}

// Run lists the verifiers that follow the feed.
func (VerifiersCommand) Run(c *cli.Call) error {
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	list, err := admin.Verifiers(c)
	if err != nil {
		return err
	}
	return c.List(list, verifierTable(list.Verifiers))
}

func verifierTable(list []api.Verifier) cli.Table {
	t := cli.Table{Columns: cli.Columns("CLIENT", "#VERIFIER", "AUDIENCE", "=LAG", "=STALENESS", "=WHEN STALE", "=LAST SEEN")}
	for _, v := range list {
		seen := cli.Clock(v.Seen)
		if v.Silent {
			seen += " (offline)"
		}
		t.Rows = append(t.Rows, []string{v.Client, v.Name, v.Audience, strconv.FormatInt(v.Behind, 10),
			(time.Duration(v.Staleness) * time.Millisecond).String(), v.WhenStale, seen})
	}
	return t
}
