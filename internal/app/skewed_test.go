package app_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/testdb"
	"github.com/portaria/portaria/verify"
)

// gated fails requests to the feed while it is shut, and ends those under way.
type gated struct {
	http.RoundTripper
	shut atomic.Bool
	ends chan struct{}
}

var errShut = errors.New("the gate is shut")

func (g *gated) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Path, "/rev/v1/") {
		return g.RoundTripper.RoundTrip(r)
	}
	if g.shut.Load() {
		return nil, errShut
	}
	answer, err := g.RoundTripper.RoundTrip(r)
	if err == nil {
		go func() {
			select {
			case <-g.ends:
				_ = answer.Body.Close()
			case <-r.Context().Done():
			}
		}()
	}
	return answer, err
}

// TestClocksOfIssuersAndVerifiersApart: several issuers on one PostgreSQL and
// several verifiers have clocks up to 18 seconds apart. The verifiers follow one
// issuer, and lose the feed. What the others mint and revoke afterwards is
// accepted for no longer than the bound, because no issuer dates a token ahead
// of the database, and each verifier knows how far that is ahead of itself.
func TestClocksOfIssuersAndVerifiersApart(t *testing.T) {
	const bound = 2 * time.Second
	off := []time.Duration{0, -9 * time.Second, 9 * time.Second}
	key := filepath.Join(t.TempDir(), "master.key")
	writeKey(t, key, []byte(base64.StdEncoding.EncodeToString([]byte("a master key of thirty-two bytes"))+"\n"))
	database := apptest.OnPostgres(t, testdb.Postgres(t), key)
	first := apptest.StartSkewed(t, off[0], database)
	addresses := []string{first.URL}
	for _, ahead := range off[1:] {
		address := freeAddress(t)
		apptest.StartSkewed(t, ahead, database, func(c *config.Config) { c.Issuer, c.Listen = first.URL, address })
		addresses = append(addresses, "http://"+address)
	}
	made, err := first.Admin().CreateClient(t.Context(), api.NewClient{ClientDescription: api.ClientDescription{
		ID: readerID, Kind: "service", Scopes: []string{api.RevocationReadScope}}})
	if err != nil {
		t.Fatal(err)
	}
	gate := &gated{RoundTripper: http.DefaultTransport, ends: make(chan struct{})}
	var verifiers []*verify.Verifier
	for _, ahead := range off {
		v, err := verify.New(t.Context(), verify.Config{Issuer: first.URL, Audience: "portaria", Staleness: bound, Leeway: time.Minute,
			HTTPClient: &http.Client{Transport: gate}, ClientID: readerID, ClientSecret: verify.Secret(made.ClientSecret),
			Now: func() time.Time { return time.Now().Add(ahead) }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(v.Close)
		verifiers = append(verifiers, v)
	}
	e := &everywhere{T: t}
	for i, v := range verifiers {
		e.eventually(fmt.Sprint("verifier ", i, " follows"), func() bool { return v.Health() == nil })
	}
	gate.shut.Store(true)
	close(gate.ends)
	for i, v := range verifiers {
		e.eventually(fmt.Sprint("verifier ", i, " is stale"), func() bool { return v.Health() != nil })
	}
	var all sync.WaitGroup
	for i, address := range addresses {
		all.Go(func() {
			at := client.New(address, nil)
			who := api.Credentials{Identifier: fmt.Sprintf("user-%d", i), Password: apptest.Password}
			if _, err := at.SignUp(t.Context(), who); err != nil {
				t.Error(err)
				return
			}
			tokens, err := at.Login(t.Context(), who)
			if err != nil {
				t.Error(err)
				return
			}
			if iat := issuedAt(t, tokens.AccessToken); iat.After(time.Now()) {
				t.Errorf("issuer %v ahead dates a token %v ahead of the database", off[i], time.Until(iat))
			}
			if err := at.WithToken(tokens.AccessToken).Logout(t.Context()); err != nil {
				t.Error(err)
				return
			}
			ended := time.Now()
			for time.Since(ended) < bound+10*time.Second { // longer than any two clocks are apart from the database
				for j, v := range verifiers {
					now := time.Now()
					if _, err := v.Verify(t.Context(), tokens.AccessToken); err == nil && now.Sub(ended) > bound {
						t.Errorf("issuer %v ahead, verifier %v ahead: accepted %v after it was revoked", off[i], off[j], now.Sub(ended))
						return
					}
				}
				<-time.After(50 * time.Millisecond)
			}
		})
	}
	all.Wait()
}
