package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/internal/jose"
)

const (
	// fetchTimeout bounds a fetch from beginning to end, so that an issuer that
	// drips cannot hold it.
	fetchTimeout = 10 * time.Second
	maxMetadata  = 64 << 10
	// firstRetry is the wait after a first failure; it doubles from there on.
	firstRetry = time.Second
)

var (
	errRedirect    = errors.New("redirect refused")
	errTooLong     = errors.New("answer too long")
	errContentType = errors.New("content type is not JSON")
	errEncoding    = errors.New("answer is compressed")
	errIssuer      = errors.New("metadata is of another issuer")
	errAddress     = errors.New("missing or not an https URL")
)

// remote keeps the issuer's published keys warm.
type remote struct {
	config Config
	client *http.Client
	keys   *keys
	panics *background.Panics
	// discovered is told what the metadata say, nil for nobody. While streams is
	// true the keys come with the revocation feed, and nothing is fetched.
	discovered func(metadata)
	streams    func() bool
	ctx        context.Context // ends with Close
	close      func()

	mu       sync.Mutex
	begun    int64         // how many fetches have begun
	inFlight chan struct{} // closed when the newest has ended; nil when it has
	err      error         // how the newest ended
	good     time.Time     // when the newest that was good began
	paid     time.Time     // until when the budget of fetches is spent, see pays
	found    string        // the address that the metadata were found at
}

func newRemote(c Config, k *keys, panics *background.Panics) *remote {
	r := &remote{config: c, panics: panics, client: strictClient(c.HTTPClient, 2), keys: k, discovered: func(metadata) {}, streams: func() bool { return false }}
	ctx, cancel := context.WithCancel(context.Background())
	r.ctx, r.close = ctx, func() {
		cancel()
		r.client.CloseIdleConnections()
	}
	return r
}

// strictClient returns a client that follows no redirects: an issuer that has
// moved is another issuer.
func strictClient(given *http.Client, connections int) *http.Client {
	client := http.Client{Transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
		TLSHandshakeTimeout:    fetchTimeout,
		IdleConnTimeout:        time.Minute,
		MaxConnsPerHost:        connections,
		ForceAttemptHTTP2:      true,
	}}
	if given != nil {
		client = *given
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return errRedirect }
	return &client
}

// start begins to keep the keys warm and waits for the first fetch.
func (r *remote) start(ctx context.Context) {
	first := make(chan struct{})
	go func() {
		_, _ = r.refresh(r.ctx, true) // Health has the reason
		close(first)
		r.panics.Keep(r.ctx, "keep keys", func(context.Context) { r.loop() })
	}()
	select {
	case <-first:
	case <-ctx.Done():
	}
}

// loop fetches at every interval, and more often after a failure.
func (r *remote) loop() {
	retry := min(firstRetry, r.config.RefreshInterval)
	for {
		wait := r.config.RefreshInterval
		if r.failure() != nil {
			wait = max(retry, r.least())
			retry = min(2*retry, r.config.RefreshInterval)
		} else {
			retry = min(firstRetry, r.config.RefreshInterval)
		}
		select {
		case <-time.After(wait):
			if !r.streams() {
				_, _ = r.refresh(r.ctx, true)
			}
		case <-r.ctx.Done():
			return
		}
	}
}

// least is the window of the budget: shorter as long as there are no usable keys
// at all, because a service often starts together with its issuer.
func (r *remote) least() time.Duration {
	if view := r.keys.current.Load(); view == nil || view.why != nil {
		return min(firstRetry, r.config.RefetchInterval)
	}
	return r.config.RefetchInterval
}

// pays takes a fetch from the budget: two at once, and two in a window on
// average, so that a stranger's unknown keys neither burden the issuer nor use
// up what a good token of a new key needs. The lock is held.
func (r *remote) pays(at time.Time) bool {
	each := r.least() / 2
	if each <= 0 {
		return true
	}
	if r.paid.Before(at) || r.paid.Sub(at) > 2*each { // or the clock was set back
		r.paid = at
	}
	if r.paid.Sub(at) > each {
		return false
	}
	r.paid = r.paid.Add(each)
	return true
}

// failure returns how the newest fetch ended.
func (r *remote) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// fetches returns how many fetches have begun, and when the newest that was good
// did.
func (r *remote) fetches() (begun int64, good time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.begun, r.good
}

// refresh fetches the keys, or waits for the fetch that is under way. It returns
// the number of that fetch and how it ended; 0 and how the newest ended if the
// budget is spent and the fetch is not forced. The fetch does not end with the
// context of who asked for it: others wait for it too.
func (r *remote) refresh(ctx context.Context, force bool) (number int64, err error) {
	r.mu.Lock()
	ended := r.inFlight
	if ended == nil {
		at := r.config.Now()
		if !force && !r.pays(at) {
			defer r.mu.Unlock()
			return 0, r.err
		}
		ended = make(chan struct{})
		r.begun++
		r.inFlight = ended
		go r.fetch(at, ended)
	}
	number = r.begun
	r.mu.Unlock()
	select {
	case <-ended:
		return number, r.failure()
	case <-ctx.Done():
		return number, ctx.Err()
	}
}

// fetch replaces the keys by what the issuer publishes now.
func (r *remote) fetch(at time.Time, ended chan struct{}) {
	ctx, cancel := context.WithTimeout(r.ctx, fetchTimeout)
	defer cancel()
	before := r.keys.streamed.Load()
	var good bool
	// Others wait for the end of this fetch: it must end, whatever happens.
	err := r.panics.Error(ctx, "fetch keys", func() error {
		set, err := r.fetchKeySet(ctx)
		good = err == nil
		if good && r.keys.streamed.Load() == before { // else there is a newer one
			err = r.keys.replace(set, at)
		}
		return err
	})
	r.tell(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	if good {
		r.good = at
	}
	r.err, r.inFlight = err, nil
	close(ended)
}

// tell notes how a fetch ended, unless it ended with the verifier.
func (r *remote) tell(err error) {
	now := r.config.Now()
	if err == nil {
		r.keys.state.fetched(now)
	} else if r.ctx.Err() == nil {
		view, _ := r.keys.usable(now.UnixMilli())
		r.keys.state.failed(err, now, r.keys.age(now.UnixMilli()), view != nil)
	}
}

func (r *remote) fetchKeySet(ctx context.Context) (jose.KeySet, error) {
	address := r.config.KeySetURL
	if address == "" {
		found, err := r.fetchMetadata(ctx)
		if err != nil {
			return jose.KeySet{}, fmt.Errorf("fetch metadata of issuer: %w", err)
		}
		r.discovered(found)
		address = found.keys
	}
	body, err := r.get(ctx, address, jose.MaxKeySet, "application/jwk-set+json", "application/json")
	if err != nil {
		return jose.KeySet{}, fmt.Errorf("fetch key set: %w", err)
	}
	set, err := r.keys.published(body, r.config.Log)
	if err != nil {
		return jose.KeySet{}, fmt.Errorf("read key set: %w", err)
	}
	return set, nil
}

// metadata is what the issuer's metadata say that is of use here: addresses,
// empty for what it does not offer.
type metadata struct{ keys, feed, introspection string }

// metadataURLs lists where an issuer may publish its metadata: where RFC 8414,
// section 3 puts them, and where OpenID Connect Discovery does. The path stays as
// it is written: "%2F" in it is no slash.
func (c Config) metadataURLs() []string {
	if c.MetadataURL != "" {
		return []string{c.MetadataURL}
	}
	u, err := url.Parse(c.Issuer)
	if err != nil {
		return nil
	}
	origin, issuerPath := u.Scheme+"://"+u.Host, strings.TrimSuffix(u.EscapedPath(), "/")
	return []string{origin + "/.well-known/oauth-authorization-server" + issuerPath, origin + issuerPath + "/.well-known/openid-configuration"}
}

// fetchMetadata returns what the issuer says of itself, from the first address
// that has it. That address is the first to be asked from then on.
func (r *remote) fetchMetadata(ctx context.Context) (metadata, error) {
	r.mu.Lock()
	known := r.found
	r.mu.Unlock()
	addresses := r.config.metadataURLs()
	if known != "" {
		addresses = append([]string{known}, slices.DeleteFunc(addresses, func(a string) bool { return a == known })...)
	}
	var failed error
	for _, address := range addresses {
		found, err := r.readMetadata(ctx, address)
		if err == nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.found = address
			return found, nil
		}
		err = fmt.Errorf("%s: %w", withoutQuery(address), err)
		if failed == nil {
			failed = err
		} else {
			failed = fmt.Errorf("%w; %w", failed, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return metadata{}, failed
}

// withoutQuery keeps out of logs what an address may have as a password.
func withoutQuery(address string) string {
	address, _, _ = strings.Cut(address, "?")
	return address
}

// readMetadata reads the metadata at one address.
func (r *remote) readMetadata(ctx context.Context, address string) (metadata, error) {
	body, err := r.get(ctx, address, maxMetadata, "application/json")
	if err != nil {
		return metadata{}, err
	}
	object, err := jose.ParseObject(body)
	if err != nil {
		return metadata{}, err
	}
	// Whoever can choose the issuer in the metadata can choose the keys.
	if issuer, _ := textOf(object, "issuer"); issuer != r.config.Issuer {
		return metadata{}, fmt.Errorf("%w: %.200q", errIssuer, issuer)
	}
	scheme, _, _ := strings.Cut(address, ":")
	var found metadata
	for name, into := range map[string]*string{
		"jwks_uri": &found.keys, "revocation_feed_endpoint": &found.feed, "introspection_endpoint": &found.introspection,
	} {
		*into, _ = textOf(object, name)
		if !r.reachable(scheme, *into) && (name == "jwks_uri" || *into != "") {
			return metadata{}, fmt.Errorf("%s: %w", name, errAddress)
		}
	}
	return found, nil
}

// reachable tells whether an address in the metadata may be used. It is no less
// safe than that of the issuer.
func (r *remote) reachable(issuerScheme, address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == issuerScheme && r.config.fetchable("http://"+u.Host)
}

func textOf(object jose.Object, name string) (string, error) {
	v, ok := object.Get(name)
	if !ok {
		return "", nil
	}
	return v.Text()
}

// get fetches a document: status 200, of one of the types, not compressed, and
// within the limit.
func (r *remote) get(ctx context.Context, address string, limit int64, types ...string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", strings.Join(types, ", "))
	// Said by ourselves, so that no transport unpacks what nobody asked for.
	request.Header.Set("Accept-Encoding", "identity")
	answer, err := r.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	switch {
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("status %d", answer.StatusCode)
	case err != nil || !slices.Contains(types, kind):
		return nil, errContentType
	case !slices.Contains([]string{"", "identity"}, answer.Header.Get("Content-Encoding")) || answer.Uncompressed:
		return nil, errEncoding
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = errTooLong
	}
	return body, err
}
