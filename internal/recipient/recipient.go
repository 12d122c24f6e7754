// Package recipient follows the key sets of the services that tokens are
// encrypted to: the recipients of RFC 7516. It asks where the settings say, in
// its own time; whoever mints a token finds the key in memory.
package recipient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/token"
)

const (
	// timeout bounds one fetch, redirects included.
	timeout      = 5 * time.Second
	maxRedirects = 3
)

var errPrivate = errors.New("publishes its private keys: whoever reads them reads the tokens")

// KeySet is the key set of one service, as it was last known. It is a
// [token.KeySource]. Safe for concurrent use.
type KeySet struct {
	url  string
	http *http.Client
	key  atomic.Pointer[jose.Key]
}

// New returns the key set at a URL, not fetched yet. The URL is to be https, or
// on this machine: whoever answers decides who reads the tokens.
func New(url string) *KeySet {
	// A connection that is used every few minutes need not be kept.
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	return &KeySet{
		url:  url,
		http: &http.Client{Transport: transport, Timeout: timeout, CheckRedirect: sameHost},
	}
}

// EncryptionKey answers the key that was fetched last, however long ago: the
// service that is down cannot have changed it. Error: token.ErrNoEncryptionKey.
func (s *KeySet) EncryptionKey(time.Time) (jose.Key, error) {
	key := s.key.Load()
	if key == nil {
		return jose.Key{}, token.ErrNoEncryptionKey
	}
	return *key, nil
}

// Fetch asks for the key set and takes over the first of its keys that
// encrypts; it answers whether that is another key than before. After an error
// the key stays what it was.
func (s *KeySet) Fetch(ctx context.Context) (changed bool, err error) {
	text, err := s.get(ctx)
	if err != nil {
		return false, fmt.Errorf("fetch key set: %w", err)
	}
	key, err := choose(text)
	if err != nil {
		return false, fmt.Errorf("fetch key set: %w", err)
	}
	before := s.key.Swap(&key)
	return before == nil || string(before.PublicJWK()) != string(key.PublicJWK()), nil
}

func (s *KeySet) get(ctx context.Context) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	answer, err := s.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %d", answer.StatusCode)
	}
	// One byte more than is allowed, so that the parser sees that it is.
	return io.ReadAll(io.LimitReader(answer.Body, jose.MaxKeySet+1))
}

func choose(text []byte) (jose.Key, error) {
	set, err := jose.ParseKeySet(text)
	if err != nil {
		return jose.Key{}, err
	}
	if slices.ContainsFunc(set.Keys(), jose.Key.Private) {
		return jose.Key{}, errPrivate
	}
	return set.EncryptionKey()
}

// sameHost lets a redirect pass only within the host that was asked.
func sameHost(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errors.New("redirected too often")
	}
	if first := via[0].URL; r.URL.Host != first.Host || r.URL.Scheme != first.Scheme {
		return errors.New("redirected to another host, which the settings do not name")
	}
	return nil
}
