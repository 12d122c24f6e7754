package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/portaria/portaria/internal/jose"
)

const (
	fetchTimeout = 10 * time.Second
	maxRedirects = 3
)

// fetchKeySet gets a key set from where it is published. Whoever answers
// decides which tokens are good, so that it is asked over TLS (or on this
// machine), and may not pass the question on to another host.
func (c *call) fetchKeySet(address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, usageError{err}
	}
	if u.Scheme != "https" && !onThisMachine(address) {
		return nil, misuse("%s: keys come over https only: on the way, anybody could exchange them", u.Redacted())
	}
	settings, err := c.settings()
	if err != nil {
		return nil, err
	}
	hc, err := httpClient(settings, address, false)
	if err != nil {
		return nil, err
	}
	hc.Timeout = fetchTimeout
	hc.CheckRedirect = sameHost
	r, err := http.NewRequestWithContext(c, http.MethodGet, address, nil)
	if err != nil {
		return nil, usageError{err}
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	answer, err := hc.Do(r)
	if err != nil {
		return nil, misuse("fetch keys: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, misuse("fetch keys: %s answers %s", u.Redacted(), printable(answer.Status))
	}
	return readAll(answer.Body, u.Redacted(), jose.MaxKeySet)
}

// sameHost lets a redirect pass only within the host that was asked.
func sameHost(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errors.New("redirected too often")
	}
	if first := via[0].URL; r.URL.Host != first.Host || r.URL.Scheme != first.Scheme {
		return fmt.Errorf("redirected to another host, %s: name that one if you trust it", printable(r.URL.Host))
	}
	return nil
}
