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
	// discovered is told what the metadata say, nil for nobody. While streams is
	// true the keys come with the revocation feed, and nothing is fetched.
	discovered func(metadata)
	streams    func() bool
	ctx        context.Context // ends with Close
	close      func()

	mu       sync.Mutex
	tried    time.Time     // when the newest fetch began
	inFlight chan struct{} // closed when it has ended; nil when none is
	err      error         // how the newest ended
}

func newRemote(c Config, k *keys) *remote {
	r := &remote{config: c, client: strictClient(c.HTTPClient, 2), keys: k, discovered: func(metadata) {}, streams: func() bool { return false }}
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
		_ = r.refresh(r.ctx, true) // Health has the reason
		close(first)
		r.loop()
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
				_ = r.refresh(r.ctx, false)
			}
		case <-r.ctx.Done():
			return
		}
	}
}

// least is the least time between two fetches: shorter as long as there are no
// keys at all, because a service often starts together with its issuer.
func (r *remote) least() time.Duration {
	if r.keys.current.Load() == nil {
		return min(firstRetry, r.config.RefetchInterval)
	}
	return r.config.RefetchInterval
}

// failure returns how the newest fetch ended.
func (r *remote) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// refresh fetches the keys, or waits for the fetch that is under way. Unless it
// is told to do it now, it does nothing if the last one began less than the
// least interval ago, and returns how that ended. The fetch does not end with
// the context of who asked for it: others wait for it too.
func (r *remote) refresh(ctx context.Context, now bool) error {
	r.mu.Lock()
	ended := r.inFlight
	if ended == nil {
		at := r.config.Now()
		since := at.Sub(r.tried)
		if !now && since >= 0 && since < r.least() {
			defer r.mu.Unlock()
			return r.err
		}
		ended = make(chan struct{})
		r.tried, r.inFlight = at, ended
		go r.fetch(at, ended)
	}
	r.mu.Unlock()
	select {
	case <-ended:
		return r.failure()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fetch replaces the keys by what the issuer publishes now.
func (r *remote) fetch(at time.Time, ended chan struct{}) {
	ctx, cancel := context.WithTimeout(r.ctx, fetchTimeout)
	defer cancel()
	before := r.keys.streamed.Load()
	set, err := r.fetchKeySet(ctx)
	if err == nil && r.keys.streamed.Load() == before { // else there is a newer one
		r.keys.replace(set, at.Add(r.config.MaxKeyAge))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err, r.inFlight = err, nil
	close(ended)
}

func (r *remote) fetchKeySet(ctx context.Context) (jose.KeySet, error) {
	found, err := r.fetchMetadata(ctx)
	if err != nil {
		return jose.KeySet{}, fmt.Errorf("fetch metadata of issuer: %w", err)
	}
	r.discovered(found)
	body, err := r.get(ctx, found.keys, jose.MaxKeySet, "application/jwk-set+json", "application/json")
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

// fetchMetadata returns what the issuer says of itself (RFC 8414, section 3).
func (r *remote) fetchMetadata(ctx context.Context) (metadata, error) {
	u, err := url.Parse(r.config.Issuer)
	if err != nil {
		return metadata{}, err
	}
	u.Path = "/.well-known/oauth-authorization-server" + strings.TrimSuffix(u.Path, "/")
	body, err := r.get(ctx, u.String(), maxMetadata, "application/json")
	if err != nil {
		return metadata{}, err
	}
	object, err := jose.ParseObject(body)
	if err != nil {
		return metadata{}, err
	}
	// Whoever can choose the issuer in the metadata can choose the keys.
	if issuer, _ := textOf(object, "issuer"); issuer != r.config.Issuer {
		return metadata{}, errIssuer
	}
	var found metadata
	for name, into := range map[string]*string{
		"jwks_uri": &found.keys, "revocation_feed_endpoint": &found.feed, "introspection_endpoint": &found.introspection,
	} {
		*into, _ = textOf(object, name)
		if !r.reachable(u.Scheme, *into) && (name == "jwks_uri" || *into != "") {
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
	case answer.Header.Get("Content-Encoding") != "" || answer.Uncompressed:
		return nil, errEncoding
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = errTooLong
	}
	return body, err
}
