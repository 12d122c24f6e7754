package keysource

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/jose"
)

const (
	fetchTimeout = 10 * time.Second
	maxRedirects = 3
)

// fetchKeySet fetches a published key set. The server decides which tokens are valid,
// so it must use TLS or be on this machine, and must not redirect to another host.
func fetchKeySet(c *cli.Call, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, cli.Misuse("%w", err)
	}
	if u.Scheme != "https" && !cli.OnThisMachine(address) {
		return nil, cli.Misuse("%s: keys are fetched only over https, because the network could replace them", u.Redacted())
	}
	settings, err := c.Settings()
	if err != nil {
		return nil, err
	}
	hc, err := cli.HTTPClient(settings, address, false)
	if err != nil {
		return nil, err
	}
	hc.Timeout = fetchTimeout
	hc.CheckRedirect = sameHost
	r, err := http.NewRequestWithContext(c, http.MethodGet, address, nil)
	if err != nil {
		return nil, cli.Misuse("%w", err)
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	answer, err := hc.Do(r)
	if err != nil {
		return nil, cli.Misuse("fetch keys: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, cli.Misuse("fetch keys: %s returned %s", u.Redacted(), cli.Printable(answer.Status))
	}
	return cli.ReadAll(answer.Body, u.Redacted(), jose.MaxKeySet)
}

// sameHost allows a redirect only within one host.
func sameHost(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errors.New("too many redirects")
	}
	if first := via[0].URL; r.URL.Host != first.Host || r.URL.Scheme != first.Scheme {
		return fmt.Errorf("redirected to another host, %s: give that address if you trust it", cli.Printable(r.URL.Host))
	}
	return nil
}
