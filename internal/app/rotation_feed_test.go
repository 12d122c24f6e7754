package app_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/verify"
)

// keyWatch is an issuer whose keys change, and a service that follows it.
type keyWatch struct {
	*everywhere
	fetched *tap
	current chan string // the token that everybody uses now
}

func newKeyWatch(t *testing.T) *keyWatch {
	t.Helper()
	a := apptest.Start(t, func(c *config.Config) { c.KeyRotation, c.KeySetMaxAge = 3*time.Minute, time.Second })
	made, err := a.Admin().CreateClient(t.Context(), api.NewClient{ClientDescription: api.ClientDescription{
		ID: readerID, Kind: "service", Scopes: []string{api.RevocationReadScope}}})
	if err != nil {
		t.Fatal(err)
	}
	// The issuer's clock is moved by minutes, the service's goes on as clocks
	// do, because its streams do. They start four minutes apart, and pass each
	// other.
	start, began := a.Clock.Now().Add(4*time.Minute), time.Now()
	w := &keyWatch{everywhere: &everywhere{T: t, issuer: a}, fetched: &tap{}, current: make(chan string, 1)}
	w.service, err = verify.New(t.Context(), verify.Config{Issuer: a.URL, Audience: "portaria", Leeway: 5 * time.Minute,
		Now: func() time.Time { return start.Add(time.Since(began)) }, HTTPClient: &http.Client{Transport: w.fetched},
		ClientID: readerID, ClientSecret: verify.Secret(made.ClientSecret)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.service.Close)
	return w
}

// tap counts the fetches of the key set, and sees what comes by streams.
type tap struct {
	countingKeySets
	mu   sync.Mutex
	read strings.Builder // by the verifier, which has gone on to read what follows
}

func (x *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := x.countingKeySets.RoundTrip(r)
	if err == nil && resp.Header.Get("Content-Type") == "text/event-stream" {
		resp.Body = &tapped{ReadCloser: resp.Body, tap: x}
	}
	return resp, err
}

func (x *tap) saw(text string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return strings.Contains(x.read.String(), text)
}

type tapped struct {
	io.ReadCloser
	tap  *tap
	last []byte
}

func (b *tapped) Read(p []byte) (int, error) {
	b.tap.mu.Lock()
	b.tap.read.Write(b.last)
	b.tap.mu.Unlock()
	n, err := b.ReadCloser.Read(p)
	b.last = slices.Clone(p[:n])
	return n, err
}

// published waits until the service verifies with what the issuer publishes.
func (w *keyWatch) published() {
	w.Helper()
	resp, err := http.Get(w.issuer.URL + "/.well-known/jwks.json")
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	set, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	w.eventually("the key set arrives", func() bool { return w.fetched.saw(string(set)) })
}

// use asks about the current token until the context ends, and answers how
// often.
func (w *keyWatch) use(ctx context.Context, token string) (n int) {
	for ; ctx.Err() == nil; n++ {
		select {
		case token = <-w.current:
		default:
		}
		if _, err := w.service.Verify(context.Background(), token); err != nil {
			w.Errorf("a good token was refused: %v", err)
			return n
		}
	}
	return n
}

// TestKeysComeByTheFeed: while keys rotate, a service that follows the feed
// fetches no key set and refuses no good token, however often it is asked; and
// a key that is killed is refused as soon as the rule arrives.
func TestKeysComeByTheFeed(t *testing.T) {
	w := newKeyWatch(t)
	_, tokens := w.issuer.SignUp("ana")
	before := w.fetched.fetches.Load()
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	requests, first := 0, tokens.AccessToken
	all.Go(func() { requests = w.use(ctx, first) })
	kids := map[string]bool{}
	for range 48 { // eight minutes
		w.issuer.Clock.Move(10 * time.Second)
		w.issuer.MaintainKeys()
		w.published()
		tokens = w.issuer.SignIn("ana")
		kids[kidOf(t, tokens.AccessToken)] = true
		w.current <- tokens.AccessToken
	}
	stop()
	all.Wait()
	if len(kids) < 3 || requests < 1000 {
		t.Errorf("%d requests with tokens of %d keys: the test is about rotation", requests, len(kids))
	}

	kid := kidOf(t, tokens.AccessToken)
	if _, err := w.issuer.Admin().Revoke(t.Context(), api.Revoke{Target: api.Target{Key: kid}}, 0); err != nil {
		t.Fatal(err)
	}
	w.eventually("tokens of the dead key are refused", func() bool {
		_, err := w.service.Verify(t.Context(), tokens.AccessToken)
		return errors.Is(err, verify.ErrRevoked) || errors.Is(err, verify.ErrKey)
	})
	// Sessions outlive a key: whoever refreshes is in again.
	var next api.Tokens
	w.eventually("another key signs", func() bool {
		var err error
		next, err = w.issuer.Refresh(t.Context(), tokens.RefreshToken)
		if err != nil && client.Code(err) == "" {
			t.Fatal(err)
		}
		return err == nil && kidOf(t, next.AccessToken) != kid
	})
	began := time.Now()
	w.eventually("its tokens are accepted", func() bool {
		_, err := w.service.Verify(t.Context(), next.AccessToken)
		return err == nil
	})
	t.Logf("%d requests; a new key is known after %v", requests, time.Since(began))
	if n := w.fetched.fetches.Load() - before; n != 0 {
		t.Errorf("%d fetches of the key set", n)
	}
}
