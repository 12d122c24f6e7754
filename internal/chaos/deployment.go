package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
)

// deployment is one Portaria, of one process or several, with the verifiers
// that follow it.
type deployment struct {
	name      string
	url       string // the issuer's, which only the proxies know how to reach
	issuers   []*issuer
	proxies   []*proxy
	companies []*company
	secret    string // of the verifiers' client
	writes    string // the secret of the client that revokes
	ledger    *ledger
	accounts  atomic.Int64
}

const (
	password = "correct horse battery"
	reader   = "verifiers"
	writer   = "operations"
)

// cheap makes passwords cost nothing: they are not what is tested.
var cheap = []string{"PORTARIA_INSECURE_PASSWORD_HASH=true", "PORTARIA_ARGON2_MEMORY=8", "PORTARIA_ARGON2_ITERATIONS=1",
	"PORTARIA_GUARD_ADDRESS_FAILURES=1000000", "PORTARIA_GUARD_ACCOUNTS_FAILURES=1000000", "PORTARIA_GUARD_NETWORK_FAILURES=1000000"}

// newDeployment starts the processes of a Portaria on one database and
// registers the verifiers' client.
func (p plan) newDeployment(name, url string, processes int, settings []string) (*deployment, error) {
	d := &deployment{name: name, url: url, ledger: p.ledger}
	settings = append(append(settings, cheap...), "PORTARIA_ISSUER="+d.url)
	folder := filepath.Join(p.folder, name)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	for range processes {
		i, err := newIssuer(p.portaria, folder, settings)
		if err != nil {
			d.stop()
			return nil, err
		}
		d.issuers = append(d.issuers, i)
	}
	for id, c := range map[string]struct {
		scope  string
		secret *string
	}{reader: {api.RevocationReadScope, &d.secret}, writer: {api.RevocationWriteScope, &d.writes}} {
		secret, err := d.issuers[0].command("client", "create", id, "--scopes", c.scope)
		if err != nil {
			d.stop()
			return nil, err
		}
		*c.secret = strings.TrimSpace(string(secret))
	}
	return d, nil
}

// perProcess is how many verifiers share a process.
const perProcess = 10

// staff starts verifiers behind a proxy of their own to one address.
func (p plan) staff(d *deployment, behind string, relay string) error {
	network, err := startProxy(behind)
	if err != nil {
		return err
	}
	d.proxies = append(d.proxies, network)
	c := &company{name: fmt.Sprintf("%s-%d", d.name, len(d.companies)), binary: p.verifiers, hear: d.ledger.hear}
	c.role = role{Issuer: d.url, Audience: "portaria", Client: reader, Secret: d.secret, Proxy: network.address(),
		Verifiers: perProcess, Relay: relay, Behind: behind}
	d.companies = append(d.companies, c)
	return c.start()
}

// stop ends all processes.
func (d *deployment) stop() {
	for _, c := range d.companies {
		c.stop()
	}
	for _, p := range d.proxies {
		p.close()
	}
	for _, i := range d.issuers {
		i.kill()
	}
}

// any is one of the processes of the Portaria, whether it runs or not.
func (d *deployment) any() *client.Client { return d.issuers[rand.IntN(len(d.issuers))].api }

// signIn makes an account and signs it in.
func (d *deployment) signIn(ctx context.Context) (id string, tokens api.Tokens, err error) {
	who := api.Credentials{Identifier: fmt.Sprintf("user-%d", d.accounts.Add(1)), Password: password}
	made, err := d.any().SignUp(ctx, who)
	if err != nil {
		return "", api.Tokens{}, err
	}
	tokens, err = d.any().Login(ctx, who)
	return made.ID, tokens, err
}

// praise tells all verifiers which tokens are good.
func (d *deployment) praise(ctx context.Context) error {
	var good []string
	for range 3 {
		_, tokens, err := d.signIn(ctx)
		if err != nil {
			return fmt.Errorf("sign in for good tokens: %w", err)
		}
		good = append(good, tokens.AccessToken)
	}
	for _, c := range d.companies {
		c.praise(good)
	}
	return nil
}

// seen is how long a token may be used before it is revoked.
const seen = 150 * time.Millisecond

// revoke signs somebody in, shows the token to all verifiers and takes it back.
func (d *deployment) revoke(ctx context.Context, watch int, means means) {
	id, tokens, err := d.signIn(ctx)
	if err != nil {
		return // the issuer was just killed
	}
	for _, c := range d.companies {
		c.watch(order{Watch: watch, Token: tokens.AccessToken})
	}
	select {
	case <-ctx.Done():
		return
	case <-time.After(seen):
	}
	a, err := means.do(ctx, d, id, tokens)
	if err != nil {
		d.ledger.lost() // it may have happened or not
		return
	}
	a.kind, a.crew = means.name, d.companies
	if a.at == 0 {
		a.at = time.Now().UnixNano()
	}
	d.ledger.note(a, watch)
}

// load revokes at a steady rate until ctx ends, and then waits for what is
// under way.
func (d *deployment) load(ctx context.Context, every time.Duration, ids *atomic.Int64) {
	var under sync.WaitGroup
	defer under.Wait()
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	ways := allMeans()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			under.Go(func() { d.revoke(context.WithoutCancel(ctx), int(ids.Add(1)), ways[n%len(ways)]) })
		}
	}
}
