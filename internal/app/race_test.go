package app_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/testdb"
	"github.com/portaria/portaria/verify"
)

// process is one of several on a database: it has a clock of its own, and a
// service that follows it.
type process struct {
	*apptest.App
	at       *client.Client // it, and not whoever else has the issuer's name
	follower *verify.Verifier
}

// skews are how far the clocks of the processes are off.
var skews = []time.Duration{0, -700 * time.Millisecond, 1500 * time.Millisecond}

// cluster is several processes on one database, of one issuer.
type cluster struct {
	*testing.T
	processes []process
}

func newCluster(t *testing.T, database apptest.Option) *cluster {
	t.Helper()
	first := apptest.Start(t, database)
	made, err := first.Admin().CreateClient(t.Context(), api.NewClient{ClientDescription: api.ClientDescription{
		ID: readerID, Kind: "service", Scopes: []string{api.RevocationReadScope}}})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{T: t}
	for i, skew := range skews {
		a, address := first, first.URL[len("http://"):]
		if i > 0 {
			address = freeAddress(t)
			a = apptest.Start(t, database, func(c *config.Config) { c.Issuer, c.Listen = first.URL, address })
		}
		a.Clock.Move(skew)
		c.processes = append(c.processes, process{App: a, at: client.New("http://"+address, nil), follower: follows(t, a, address, made.ClientSecret)})
	}
	return c
}

// follows is a service that finds the issuer at an address.
func follows(t *testing.T, a *apptest.App, address, secret string) *verify.Verifier {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	began := time.Now()
	v, err := verify.New(t.Context(), verify.Config{Issuer: a.URL, Audience: "portaria",
		// The issuer's clock stands still, and its streams go on.
		Now:        func() time.Time { return time.Now().Add(a.Clock.Now().Sub(began)) },
		HTTPClient: &http.Client{Transport: transport}, ClientID: readerID, ClientSecret: verify.Secret(secret)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// made is a token, and when it was asked for.
type made struct {
	api.Tokens
	asked time.Time
}

// round is what happened around one rule.
type round struct {
	mu   sync.Mutex
	made []made

	place   int64
	written time.Time // by the clock of the process that wrote it
	acked   time.Time
}

// ask keeps the tokens that a request answers, if any: it may come too late.
func (r *round) ask(request func() (api.Tokens, error)) (api.Tokens, bool) {
	asked := time.Now()
	t, err := request()
	if err != nil {
		return t, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.made = append(r.made, made{t, asked})
	return t, true
}

// race lets somebody refresh and sign in at every process, while one of them
// writes a rule about the account; and once more at each afterwards.
func (c *cluster) race(n int) *round {
	c.Helper()
	who := api.Credentials{Identifier: fmt.Sprint("ana", n), Password: apptest.Password}
	account, err := c.processes[0].at.SignUp(c.Context(), who)
	if err != nil {
		c.Fatal(err)
	}
	r := &round{}
	writer := c.processes[n%len(c.processes)]
	admin := writer.at.WithToken(writer.AdminToken())
	var all sync.WaitGroup
	for _, p := range c.processes {
		signIn := func() (api.Tokens, error) { return p.at.Login(c.Context(), who) }
		chain, _ := r.ask(signIn)
		defer r.ask(signIn)
		all.Go(func() {
			for going := true; going; {
				chain, going = r.ask(func() (api.Tokens, error) { return p.at.Refresh(c.Context(), chain.RefreshToken) })
			}
		})
		all.Go(func() {
			for range 3 {
				r.ask(signIn)
			}
		})
	}
	receipt, err := admin.Revoke(c.Context(), api.Revoke{Target: api.Target{Account: account.ID}}, 0)
	r.place, r.written, r.acked = receipt.Seq, writer.Clock.Now(), time.Now()
	if err != nil {
		c.Fatal(err)
	}
	all.Wait()
	return r
}

// living are the sessions that the rule has not ended: the truth. It asks the
// process whose clock is ahead, as the others take its tokens for too young.
func (c *cluster) living(tokens api.Tokens) map[string]bool {
	c.Helper()
	list, err := c.processes[len(c.processes)-1].at.WithToken(tokens.AccessToken).Sessions(c.Context(), api.Page{Limit: 100})
	if err != nil {
		c.Fatal(err)
	}
	alive := map[string]bool{}
	for _, s := range list.Sessions {
		alive[s.ID] = true
	}
	return alive
}

// tally counts tokens that are good although their session is over, and those
// that are refused although they were asked for after the rule was there.
// Between, while it was being written, a token may be refused whose session
// lives: its holder refreshes.
type tally struct{ escapes, kills, between int }

func (t *tally) count(m made, r *round, refused, alive bool) {
	switch {
	case !alive && !refused:
		t.escapes++
	case alive && refused && m.asked.After(r.acked):
		t.kills++
	case alive && refused:
		t.between++
	}
}

// judge compares what the followers say of a round's tokens, and what the time
// would, with the truth.
func (c *cluster) judge(r *round, byPlace, byTime *tally) {
	c.Helper()
	alive := c.living(r.made[len(r.made)-1].Tokens)
	for _, p := range c.processes {
		p.eventuallyAt(c.T, r.place)
	}
	for _, m := range r.made {
		for _, p := range c.processes {
			_, err := p.follower.Verify(c.Context(), m.AccessToken)
			if err != nil && !errors.Is(err, verify.ErrRevoked) {
				c.Fatal(err)
			}
			byPlace.count(m, r, err != nil, alive[m.SessionID])
		}
		old := !issuedAt(c.T, m.AccessToken).After(r.written.Truncate(time.Second))
		byTime.count(m, r, old, alive[m.SessionID])
	}
}

// TestMintAndRevokeRace: whatever the clocks of several processes say, a rule
// refuses every token of the sessions that it ended, and none that was asked
// for after it was there. Told by time, as if tokens did not say what their
// issuer knew of the log, it is wrong in both ways.
func TestMintAndRevokeRace(t *testing.T) {
	key := filepath.Join(t.TempDir(), "master.key")
	writeKey(t, key, []byte(base64.StdEncoding.EncodeToString([]byte("a master key of thirty-two bytes"))+"\n"))
	for name, url := range map[string]string{"SQLite": "sqlite:" + filepath.Join(t.TempDir(), "portaria.db"), "PostgreSQL": testdb.Postgres(t)} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, apptest.OnPostgres(t, url, key))
			var byPlace, byTime tally
			tokens := 0
			for n := range 12 {
				r := c.race(n)
				tokens += len(r.made)
				c.judge(r, &byPlace, &byTime)
				for _, p := range c.processes {
					p.Clock.Move(270 * time.Millisecond)
				}
			}
			if byPlace.escapes+byPlace.kills > 0 {
				t.Errorf("of %d tokens: %+v", tokens, byPlace)
			}
			if byTime.escapes == 0 || byTime.kills == 0 {
				t.Errorf("told by time, of %d tokens: %+v: the test proves nothing", tokens, byTime)
			}
			t.Logf("%d tokens; told by place %+v, by time %+v", tokens, byPlace, byTime)
		})
	}
}

// eventuallyAt waits until the follower knows the log up to a place.
func (p process) eventuallyAt(t *testing.T, place int64) {
	t.Helper()
	(&everywhere{T: t}).eventually("the rule arrives", func() bool { return p.follower.Stats().Position >= place })
}

// issuedAt reads the iat of a token, whose seconds the time of a rule is told in, too.
func issuedAt(t *testing.T, token string) time.Time {
	t.Helper()
	payload := strings.Split(token, ".")[1]
	text, err := jose.Decode(payload)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ Iat int64 }
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	return time.Unix(claims.Iat, 0)
}
