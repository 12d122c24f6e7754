package admincli

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/cli"
)

// ClientCommand is the command line for clients.
type ClientCommand struct {
	Create       clientCreate  `cmd:"" help:"Register a service or an app; prints its secret."`
	List         clientList    `cmd:"" help:"List clients by id."`
	Show         clientShow    `cmd:"" help:"Show a client."`
	RotateSecret clientRotate  `cmd:"" help:"Create a new secret for a client; the previous one stays valid."`
	DropSecret   clientDrop    `cmd:"" help:"Delete all secrets except the newest."`
	Disable      clientDisable `cmd:"" help:"Disable a client."`
	Enable       clientEnable  `cmd:"" help:"Enable a disabled client."`
	Delete       clientDelete  `cmd:"" help:"Delete a client."`
}

// which names one client.
type which struct {
	ID string `arg:"" help:"Id of the client."`
}

// with runs one act on the client.
func (w which) with(c *cli.Call, act func(*client.Client) error) error {
	if strings.TrimSpace(w.ID) == "" {
		return cli.Misuse("name a client") // an empty variable in a script, say
	}
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	return act(admin)
}

// done says what was done to the client.
func (w which) done(c *cli.Call, format string) error {
	return c.Say(api.Created{ID: w.ID}, format, cli.Printable(w.ID))
}

type clientCreate struct {
	which
	Name              string   `help:"Name for people." placeholder:"NAME"`
	Kind              string   `help:"service acts in its own name; people sign in with an app." enum:"service,app" default:"service"`
	Public            bool     `help:"For an app that cannot keep a secret, such as a page in a browser."`
	Scopes            []string `help:"What a service may ask for in its own name." placeholder:"SCOPE,…"`
	PublicKeyFile     string   `help:"File with the public JWK for client authentication (private_key_jwt), instead of a secret." placeholder:"FILE"`
	Rotation          string   `help:"Refresh token rotation, for apps with client authentication; off keeps the same refresh token." enum:"on,off" default:"on"`
	NoRefresh         bool     `help:"People get one access token and no refresh token."`
	Profile           string   `help:"Profile of the tokens whose audience is this service." enum:"at+jwt,jwt,flask," default:"" placeholder:"at+jwt|jwt|flask"`
	EncryptionKeyFile string   `help:"File with the public JWK that tokens whose audience is this service are encrypted to." placeholder:"FILE"`
}

// Help tells of the flags that are settings elsewhere.
func (clientCreate) Help() string {
	return `Also, in the place of what the settings say:

    --audience=SERVICE,…      Services that it may ask for tokens for: names
                              of the settings, or ids of services. The first
                              is meant when it names none.
    --access-ttl=15m          How long its access tokens live.
    --refresh-ttl=7d          For apps: ends a session that is not refreshed
                              for so long.
    --session-ttl=30d         For apps: ends every session so long after its
                              sign-in.
    --refresh-retry=60s       For apps: how long a used refresh token returns
                              the same successor again, while nobody has used
                              that one. At most the access token's lifetime.`
}

// Run registers a client and prints its secret.
func (a clientCreate) Run(c *cli.Call) error {
	in, err := a.description(c)
	if err != nil {
		return err
	}
	return a.with(c, func(admin *client.Client) error {
		made, err := admin.CreateClient(c, api.NewClient{ClientDescription: in, Public: a.Public})
		if err != nil {
			return err
		}
		for _, unknown := range made.UnknownAudiences {
			fmt.Fprintf(c.Stderr, "note: no tokens are issued for %s yet: register it with client create, or in the settings\n", cli.Printable(unknown))
		}
		if c.JSON || made.ClientSecret == "" {
			return c.Say(made, "created client %s", cli.Printable(made.ID))
		}
		return c.TellSecret("created client "+cli.Printable(made.ID), made.ClientSecret)
	})
}

// description gathers what the arguments say of the client.
func (a clientCreate) description(c *cli.Call) (d api.ClientDescription, err error) {
	d = api.ClientDescription{ID: a.ID, Name: a.Name, Kind: a.Kind, Scopes: a.Scopes, NoRefresh: a.NoRefresh, Profile: a.Profile}
	if a.Rotation == api.RotationOff {
		d.Rotation = a.Rotation
	}
	if audiences := c.Take("audience"); audiences != "" {
		d.Audiences = strings.Split(audiences, ",")
	}
	for flag, to := range map[string]*int64{"access-ttl": &d.AccessTTL, "refresh-ttl": &d.RefreshTTL, "session-ttl": &d.SessionTTL, "refresh-retry": &d.RefreshRetry} {
		if *to, err = c.TakeSeconds(flag); err != nil {
			return d, err
		}
	}
	if d.PublicKey, err = content("--public-key-file", a.PublicKeyFile); err != nil {
		return d, err
	}
	d.EncryptionKey, err = content("--encryption-key-file", a.EncryptionKeyFile)
	return d, err
}

// content reads the file that a flag names.
func content(flag, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	return strings.TrimSpace(string(text)), nil
}

type clientList struct{ paging }

// Run lists clients.
func (a clientList) Run(c *cli.Call) error {
	admin, err := c.Operator()
	if err != nil {
		return err
	}
	list, err := admin.Clients(c, a.page())
	if err != nil {
		return err
	}
	rows := [][]string{{"ID", "KIND", "NAME", "AUDIENCES", "PROOF", "STATE"}}
	for _, item := range list.Clients {
		rows = append(rows, []string{item.ID, item.Kind, cli.Short(item.Name), cli.Short(strings.Join(item.Audiences, " ")), proof(item), standing(item)})
	}
	if err := c.Print(list, rows); err != nil {
		return err
	}
	return a.more(c, list.NextCursor)
}

// proof says what the client proves itself with.
func proof(a api.Client) string {
	switch {
	case a.Public:
		return "public"
	case a.PublicKey != "":
		return "key"
	case len(a.Secrets) == 0:
		return "no secret yet"
	case len(a.Secrets) == 1:
		return "secret"
	case len(a.Secrets) == 2:
		return "two secrets"
	}
	return "three secrets"
}

func standing(a api.Client) string {
	text := "enabled"
	switch {
	case a.DisabledAt != nil:
		text = "disabled since " + cli.Clock(*a.DisabledAt)
	case a.WithdrawnAt != nil:
		text = "not in the settings since " + cli.Clock(*a.WithdrawnAt)
	}
	if a.Configured {
		text += ", from the settings"
	}
	return text
}

type clientShow struct{ which }

// Run shows a client: what it is, and what it has of its own.
func (a clientShow) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client) error {
		found, err := admin.RegisteredClient(c, a.ID)
		if err != nil {
			return err
		}
		rows := [][]string{
			{"id", found.ID}, {"name", found.Name}, {"kind", found.Kind},
			{"audiences", strings.Join(found.Audiences, " ")}, {"scopes", strings.Join(found.Scopes, " ")},
			{"access token", lasting(found.AccessTTL)}, {"refresh", lasting(found.RefreshTTL)}, {"session", lasting(found.SessionTTL)},
			{"profile", found.Profile}, {"public key", found.PublicKey}, {"encryption key", found.EncryptionKey},
			{"proof", proof(found)}, {"created", cli.Clock(found.CreatedAt)}, {"state", standing(found)},
		}
		if found.RefreshRetry != 0 {
			rows = append(rows, []string{"refresh retry", lasting(found.RefreshRetry)})
		}
		if found.Rotation == api.RotationOff {
			rows = append(rows, []string{"rotation", "off: the refresh token stays the same"})
		}
		if found.NoRefresh {
			rows = append(rows, []string{"refresh tokens", "none"})
		}
		for _, made := range found.Secrets {
			rows = append(rows, []string{"secret of", cli.Clock(made)})
		}
		return c.Print(found, slices.DeleteFunc(rows, func(row []string) bool { return row[1] == "" }))
	})
}

// lasting is empty for the default.
func lasting(seconds int64) string {
	if seconds == 0 {
		return ""
	}
	return (time.Duration(seconds) * time.Second).String()
}

type clientRotate struct{ which }

// Run rotates the secret of a client and prints the new one.
func (a clientRotate) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client) error {
		made, err := admin.RotateClientSecret(c, a.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			return cli.AsJSON(c.Stdout, made)
		}
		return c.TellSecret("rotated the secret of "+cli.Printable(a.ID)+"; the one before works until client drop-secret, or a rotation more than a day later", made.ClientSecret)
	})
}

type clientDrop struct{ which }

// Run makes the newest secret the only one.
func (a clientDrop) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client) error {
		if err := admin.DropClientSecret(c, a.ID); err != nil {
			return err
		}
		return a.done(c, "only the newest secret of %s works")
	})
}

type clientDisable struct{ which }

// Run disables a client.
func (a clientDisable) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client) error {
		if err := admin.DisableClient(c, a.ID); err != nil {
			return err
		}
		return a.done(c, "disabled %s")
	})
}

type clientEnable struct{ which }

// Run enables a client.
func (a clientEnable) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client) error {
		if err := admin.EnableClient(c, a.ID); err != nil {
			return err
		}
		return a.done(c, "enabled %s")
	})
}

type clientDelete struct {
	which
	cli.Consent
}

// Run deletes a client.
func (a clientDelete) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client) error {
		if err := a.Ask(c, "deleting a client", "Delete client "+cli.Printable(a.ID)+"? Its sessions end and its secrets are deleted."); err != nil {
			return err
		}
		if err := admin.DeleteClient(c, a.ID); err != nil {
			return err
		}
		return a.done(c, "deleted %s")
	})
}
