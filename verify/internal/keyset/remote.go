package keyset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/strictjson"
)

const (
	// fetchTimeout bounds a fetch from beginning to end, so that an issuer that
	// drips cannot hold it.
	fetchTimeout = 10 * time.Second
	maxMetadata  = 64 << 10
	// firstRetry is the pause after a first failure. It doubles with each failure.
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

// Feed is the revocation feed as far as it concerns keys. Its key set replaces
// what would be fetched.
type Feed interface {
	// Discovered takes addresses from the issuer's metadata, empty for what the
	// issuer does not offer.
	Discovered(feed, introspection string)
	// CarriesKeys reports whether the feed is current and has brought the key set:
	// nothing needs to be fetched.
	CarriesKeys() bool
	// KeysAsOf returns the moment as of which the key set of the feed is known, and
	// whether the feed has brought one.
	KeysAsOf() (time.Time, bool)
}

// Config says where keys are fetched from, and how often.
type Config struct {
	Issuer string
	// MetadataURL or KeySetURL replaces the addresses that follow from the issuer.
	MetadataURL, KeySetURL string
	// RefreshInterval is how often the key set is fetched. RefetchInterval is the
	// window of the budget for unknown keys, not positive for no limit.
	RefreshInterval, RefetchInterval time.Duration
	// Client must not follow redirects: see [Client].
	Client       *http.Client
	InsecureHTTP bool
	Now          func() time.Time
	Panics       *background.Panics
	Feed         Feed
}

// Remote fetches the issuer's published keys in the background.
type Remote struct {
	config Config
	keys   *Keys
	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu       sync.Mutex
	begun    int64         // how many fetches have begun
	inFlight chan struct{} // closed when the newest has ended; nil when it has
	err      error         // how the newest ended
	good     time.Time     // when the newest that succeeded began
	paid     time.Time     // until when the budget of fetches is spent, see pays
	found    string        // the address at which the metadata were found
}

// NewRemote returns a Remote that fills keys. Call Start, and Close in the end.
func NewRemote(c Config, k *Keys) *Remote {
	r := &Remote{config: c, keys: k}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// Close stops fetching. The keys stay as they are.
func (r *Remote) Close() {
	r.cancel()
	r.config.Client.CloseIdleConnections()
}

// Client returns a client with strict limits, or a copy of the given one. It
// follows no redirects: an issuer that has moved is another issuer.
func Client(given *http.Client, connections int) *http.Client {
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

// Start fetches the keys and goes on in the background. It returns when the first
// fetch has ended, or with ctx.
func (r *Remote) Start(ctx context.Context) {
	first := make(chan struct{})
	var begun sync.Once
	go r.config.Panics.Keep(r.ctx, "keep keys", func(context.Context) {
		begun.Do(func() {
			defer close(first)
			_, _ = r.Refresh(r.ctx, true) // Failure has the reason
		})
		r.loop()
	})
	select {
	case <-first:
	case <-ctx.Done():
	}
}

// loop fetches at every interval, and more often after a failure.
func (r *Remote) loop() {
	retry := min(firstRetry, r.config.RefreshInterval)
	for {
		wait := r.config.RefreshInterval
		if r.Failure() != nil {
			wait = max(retry, r.least())
			retry = min(2*retry, r.config.RefreshInterval)
		} else {
			retry = min(firstRetry, r.config.RefreshInterval)
		}
		select {
		case <-time.After(wait):
			if !r.config.Feed.CarriesKeys() {
				_, _ = r.Refresh(r.ctx, true)
			}
		case <-r.ctx.Done():
			return
		}
	}
}

// least returns the window of the budget. It is shorter while there are no usable
// keys at all, because a service often starts together with its issuer.
func (r *Remote) least() time.Duration {
	if view := r.keys.current.Load(); view == nil || view.why != nil {
		return min(firstRetry, r.config.RefetchInterval)
	}
	return r.config.RefetchInterval
}

// pays takes a fetch from the budget: two at once, and two in a window on
// average. So a stranger's unknown keys neither burden the issuer nor use up what
// a good token of a new key needs. The lock is held.
func (r *Remote) pays(at time.Time) bool {
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

// Failure returns why the newest fetch failed, nil if it did not.
func (r *Remote) Failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// fetches returns how many fetches have begun, and when the newest that succeeded
// began.
func (r *Remote) fetches() (begun int64, good time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.begun, r.good
}

// Refresh fetches the keys, or waits for the fetch that is under way. It returns
// the number of that fetch and how it ended. If the budget is spent and the fetch is
// not forced, it returns 0 and how the newest ended. The fetch does not end with
// ctx, because others wait for it, too.
func (r *Remote) Refresh(ctx context.Context, force bool) (number int64, err error) {
	at := r.config.Now() // without the lock: it is the service's function, and may panic
	r.mu.Lock()
	ended := r.inFlight
	if ended == nil {
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
		return number, r.Failure()
	case <-ctx.Done():
		return number, ctx.Err()
	}
}

// fetch replaces the keys by what the issuer publishes now.
func (r *Remote) fetch(at time.Time, ended chan struct{}) {
	ctx, cancel := context.WithTimeout(r.ctx, fetchTimeout)
	defer cancel()
	before := r.keys.streamed.Load()
	var good bool
	// Others wait for the end of this fetch: it must end even after a panic.
	err := r.config.Panics.Error(ctx, "fetch keys", func() error {
		set, err := r.fetchKeySet(ctx)
		good = err == nil
		if good && r.keys.streamed.Load() == before { // else there is a newer one
			err = r.keys.replace(set, at)
		}
		return err
	})
	r.config.Panics.Try(ctx, "log fetch of keys", func() { r.note(err) })
	r.mu.Lock()
	defer r.mu.Unlock()
	if good {
		r.good = at
	}
	r.err, r.inFlight = err, nil
	close(ended)
}

// note records how a fetch ended, unless it ended with the verifier.
func (r *Remote) note(err error) {
	now := r.config.Now()
	if err == nil {
		r.keys.trouble.fetched(now)
	} else if r.ctx.Err() == nil {
		view, _ := r.keys.Usable(now.UnixMilli())
		r.keys.trouble.failed(err, now, r.keys.Age(now.UnixMilli()), view != nil)
	}
}

func (r *Remote) fetchKeySet(ctx context.Context) (jose.KeySet, error) {
	address := r.config.KeySetURL
	if address == "" {
		found, err := r.fetchMetadata(ctx)
		if err != nil {
			return jose.KeySet{}, fmt.Errorf("fetch metadata of issuer: %w", err)
		}
		r.config.Feed.Discovered(found.feed, found.introspection)
		address = found.keys
	}
	body, err := r.get(ctx, address, jose.MaxKeySet, "application/jwk-set+json", "application/json")
	if err != nil {
		return jose.KeySet{}, fmt.Errorf("fetch key set: %w", err)
	}
	set, err := r.keys.parsePublished(body)
	if err != nil {
		return jose.KeySet{}, fmt.Errorf("read key set: %w", err)
	}
	return set, nil
}

// metadata has the addresses in the issuer's metadata, empty for what it does not
// offer.
type metadata struct{ keys, feed, introspection string }

// metadataURLs returns where an issuer may publish its metadata: the address of
// RFC 8414, section 3, and that of OpenID Connect Discovery. The path stays as it
// is written, because "%2F" in it is not a slash.
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

// fetchMetadata returns the metadata from the first address that has them. That
// address is tried first from then on.
func (r *Remote) fetchMetadata(ctx context.Context) (metadata, error) {
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
		err = fmt.Errorf("%s: %w", WithoutQuery(address), err)
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

// Fetchable reports whether keys may be fetched from an address: https, or http on
// a loopback address, or any http when insecure is true.
func Fetchable(address string, insecure bool) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return false
	}
	if u.Scheme == "https" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && (insecure || u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// WithoutQuery returns an address without its query, which may hold a password and
// must not be logged.
func WithoutQuery(address string) string {
	address, _, _ = strings.Cut(address, "?")
	return address
}

// readMetadata reads the metadata at one address.
func (r *Remote) readMetadata(ctx context.Context, address string) (metadata, error) {
	body, err := r.get(ctx, address, maxMetadata, "application/json")
	if err != nil {
		return metadata{}, err
	}
	object, err := strictjson.Parse(body)
	if err != nil {
		return metadata{}, err
	}
	// Metadata of another issuer would name that issuer's keys.
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

// reachable reports whether an address in the metadata may be used: it must be as
// safe as that of the issuer.
func (r *Remote) reachable(issuerScheme, address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == issuerScheme && Fetchable("http://"+u.Host, r.config.InsecureHTTP)
}

func textOf(object strictjson.Object, name string) (string, error) {
	v, ok := object.Get(name)
	if !ok {
		return "", nil
	}
	return v.Text()
}

// get fetches a document: status 200, of one of the types, not compressed, and
// within the limit.
func (r *Remote) get(ctx context.Context, address string, limit int64, types ...string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", strings.Join(types, ", "))
	// Set here, so that no transport asks for compression and unpacks it.
	request.Header.Set("Accept-Encoding", "identity")
	answer, err := r.config.Client.Do(request)
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
