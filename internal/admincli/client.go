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
	Create       clientCreate  `cmd:"" effect:"changes" help:"Register a service or an app; prints its secret."`
	List         clientList    `cmd:"" effect:"reads" help:"List clients by id."`
	Show         clientShow    `cmd:"" effect:"reads" help:"Show a client."`
	RotateSecret clientRotate  `cmd:"" effect:"changes" help:"Create a new secret for a client; the previous one stays valid."`
	DropSecret   clientDrop    `cmd:"" effect:"destroys" help:"Delete all secrets except the newest."`
	Disable      clientDisable `cmd:"" effect:"destroys" help:"Disable a client."`
	Enable       clientEnable  `cmd:"" effect:"changes" help:"Enable a disabled client."`
	Delete       clientDelete  `cmd:"" effect:"destroys" help:"Delete a client."`
}

// which is the argument that names one client.
type which struct {
	ID string `arg:"" help:"Id of the client."`
}

// with calls act with a client of the API.
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

// done prints what was done to the client.
func (w which) done(c *cli.Call, format string) error {
	return c.Say(api.Created{ID: w.ID}, format, cli.Printable(w.ID))
}

type clientCreate struct {
	which
	Name              string   `help:"Name for people." placeholder:"NAME"`
	Kind              string   `help:"service acts in its own name; people sign in with an app." enum:"service,app" default:"service"`
	Public            bool     `help:"For an app that cannot keep a secret, such as a page in a browser."`
	Grants            []string `help:"Grants that the client may use; by default all that its kind can use." placeholder:"GRANT,…"`
	RedirectURI       []string `help:"For apps: where a browser may return after a sign-in; repeat for several." sep:"none" placeholder:"URL"`
	ThirdParty        bool     `help:"For an app that another organization runs: it cannot use the grant password."`
	Scopes            []string `help:"Scopes that a service may request in its own name." placeholder:"SCOPE,…"`
	PublicKeyFile     string   `help:"File with the public JWK for client authentication (private_key_jwt), instead of a secret." placeholder:"FILE"`
	Rotation          string   `help:"Refresh token rotation, for apps with client authentication; off keeps the same refresh token." enum:"on,off" default:"on"`
	NoRefresh         bool     `help:"People get one access token and no refresh token."`
	Profile           string   `help:"Profile of the tokens whose audience is this service." enum:"at+jwt,jwt,flask," default:"" placeholder:"at+jwt|jwt|flask"`
	EncryptionKeyFile string   `help:"File with the public JWK that tokens whose audience is this service are encrypted to." placeholder:"FILE"`
}

// Help describes the flags that are settings elsewhere.
func (clientCreate) Help() string {
	return `These flags override the settings for this client:

    --audience=SERVICE,…      Services that the client may request tokens for:
                              names in the settings, or ids of services. The
                              first is the default.
    --access-ttl=15m          Lifetime of its access tokens.
    --refresh-ttl=7d          For apps: a session without a refresh ends after
                              this time.
    --session-ttl=30d         For apps: a session ends this long after its
                              sign-in.
    --refresh-retry=60s       For apps: how long a used refresh token returns
                              the same new token again, as long as the new one
                              is unused. At most the access token's lifetime.`
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
		return c.PrintSecret("created client "+cli.Printable(made.ID), made.ClientSecret)
	})
}

// description returns the client that the arguments describe.
func (a clientCreate) description(c *cli.Call) (d api.ClientDescription, err error) {
	d = api.ClientDescription{ID: a.ID, Name: a.Name, Kind: a.Kind, Scopes: a.Scopes, NoRefresh: a.NoRefresh, Profile: a.Profile,
		Grants: a.Grants, RedirectURIs: a.RedirectURI, ThirdParty: a.ThirdParty}
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
	if err := c.List(list, clientTable(list.Clients)); err != nil {
		return err
	}
	return a.more(c, list.NextCursor)
}

func clientTable(list []api.Client) cli.Table {
	t := cli.Table{Columns: cli.Columns("ID", "KIND", "NAME", "AUDIENCES", "CREDENTIAL", "SOURCE", "STATE")}
	for _, item := range list {
		t.Rows = append(t.Rows, []string{item.ID, item.Kind, item.Name, strings.Join(item.Audiences, " "), credential(item), source(item), clientState(item)})
	}
	return t
}

// credential names what the client authenticates with.
func credential(a api.Client) string {
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

func clientState(a api.Client) string {
	switch {
	case a.DisabledAt != nil:
		return "disabled since " + cli.Clock(*a.DisabledAt)
	case a.WithdrawnAt != nil:
		return "not in the settings since " + cli.Clock(*a.WithdrawnAt)
	}
	return "enabled"
}

// source says where the client is described.
func source(a api.Client) string {
	if a.Configured {
		return "settings"
	}
	return "API"
}

type clientShow struct{ which }

// Run shows a client and the settings that differ from the defaults.
func (a clientShow) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client) error {
		found, err := admin.RegisteredClient(c, a.ID)
		if err != nil {
			return err
		}
		return c.List(found, clientDetails(found))
	})
}

func clientDetails(found api.Client) cli.Table {
	rows := [][]string{
		{"id", found.ID}, {"name", found.Name}, {"kind", found.Kind},
		{"audiences", strings.Join(found.Audiences, " ")}, {"scopes", strings.Join(found.Scopes, " ")},
		{"grants", strings.Join(found.Grants, " ")}, {"redirect URIs", strings.Join(found.RedirectURIs, " ")},
		{"access token", lasting(found.AccessTTL)}, {"refresh", lasting(found.RefreshTTL)}, {"session", lasting(found.SessionTTL)},
		{"profile", found.Profile}, {"public key", found.PublicKey}, {"encryption key", found.EncryptionKey},
		{"credential", credential(found)}, {"created", cli.Clock(found.CreatedAt)}, {"source", source(found)}, {"state", clientState(found)},
	}
	if found.RefreshRetry != 0 {
		rows = append(rows, []string{"refresh retry", lasting(found.RefreshRetry)})
	}
	if found.Rotation == api.RotationOff {
		rows = append(rows, []string{"rotation", "off: the refresh token stays the same"})
	}
	if found.ThirdParty {
		rows = append(rows, []string{"run by", "another organization"})
	}
	if found.NoRefresh {
		rows = append(rows, []string{"refresh tokens", "none"})
	}
	for _, made := range found.Secrets {
		rows = append(rows, []string{"secret of", cli.Clock(made)})
	}
	return cli.Details(slices.DeleteFunc(rows, func(row []string) bool { return row[1] == "" }))
}

// lasting returns a duration, or nothing for the default.
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
		return c.PrintSecret("rotated the secret of "+cli.Printable(a.ID)+"; the previous secret works until client drop-secret, or until a rotation more than a day later", made.ClientSecret)
	})
}

type clientDrop struct {
	which
	cli.Consent
}

// Consequence names what will stop working.
func (a clientDrop) Consequence(*cli.Call) (string, error) {
	return "All secrets of client " + cli.Printable(a.ID) + " except the newest will be deleted. Instances that use an older one cannot authenticate any more.", nil
}

// Run deletes all secrets except the newest.
func (a clientDrop) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client) error {
		if err := admin.DropClientSecret(c, a.ID); err != nil {
			return err
		}
		return a.done(c, "only the newest secret of %s works")
	})
}

type clientDisable struct {
	which
	cli.Consent
}

// Consequence says what will be revoked.
func (a clientDisable) Consequence(*cli.Call) (string, error) {
	return "All tokens and sessions of client " + cli.Printable(a.ID) + " will be revoked, and it gets no new ones. " +
		"client enable does not restore them.", nil
}

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

// Consequence says what will be deleted.
func (a clientDelete) Consequence(*cli.Call) (string, error) {
	return "Client " + cli.Printable(a.ID) + " and its secrets will be deleted, and its sessions end.", nil
}

// Run deletes a client.
func (a clientDelete) Run(c *cli.Call) error {
	return a.with(c, func(admin *client.Client) error {
		if err := admin.DeleteClient(c, a.ID); err != nil {
			return err
		}
		return a.done(c, "deleted %s")
	})
}
