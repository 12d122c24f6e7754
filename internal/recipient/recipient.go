// Package recipient follows the key sets of the services that tokens are encrypted to:
// the recipients of RFC 7516. It asks where the settings say, in its own time; minting
// a token finds the key in memory.
package recipient

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/outbound"
	"github.com/portaria/portaria/internal/token"
)

// Limits of one fetch, redirects included.
const (
	timeout      = 5 * time.Second
	maxRedirects = 3
)

var errPrivate = errors.New("publishes its private keys: everybody who reads them can read the tokens")

// NewClient returns the client for [New]. The operator chose the addresses, so
// private networks and the proxy of the environment may be used. roots are the
// trusted certificate authorities; nil means those of the system.
func NewClient(roots *x509.CertPool) (*outbound.Client, error) {
	return outbound.New(outbound.Config{
		Reach:     outbound.OperatorsChoice(),
		Roots:     roots,
		Timeout:   timeout,
		MaxBody:   jose.MaxKeySet,
		Redirects: maxRedirects,
		// Web servers send files without a known extension as text.
		Types:            []string{"application/jwk-set+json", "application/json", "text/plain"},
		EnvironmentProxy: true,
	})
}

// KeySet is the key set of one service, as it was last fetched. It is a
// [token.KeySource]. Safe for concurrent use.
type KeySet struct {
	url  string
	http *outbound.Client
	key  atomic.Pointer[jose.Key]
}

// New returns the key set at a URL, which is not fetched yet. The URL must be https,
// or on this machine: its server decides who can read the tokens.
func New(url string, client *outbound.Client) *KeySet { return &KeySet{url: url, http: client} }

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
	text, err := s.http.Get(ctx, s.url)
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
