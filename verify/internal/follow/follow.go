// Package follow keeps a verifier's view of the revocation log up to date. It
// connects to the issuer's feed, by stream or by polls, takes snapshots, says how
// far the verifier has come, serves the feed to verifiers downstream, and decides
// about tokens while the view is too old.
package follow

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/verify/internal/refusal"
	"github.com/portaria/portaria/verify/internal/upstream"
	"github.com/portaria/portaria/verify/internal/view"
)

// Host is the verifier that a Follower works for.
type Host interface {
	// UseKeySet uses a key set that the feed has brought. Its error says that the
	// text is not a key set.
	UseKeySet(data []byte) error
	// ConfirmKeys notes that the issuer still publishes the keys.
	ConfirmKeys()
	// Decrypt returns the signed token inside an encrypted one, and any other
	// token as it is.
	Decrypt(token string) (string, error)
}

// DefaultStaleness is the bound of a verifier that names none. Every receipt
// counts on it.
const DefaultStaleness = api.DefaultStaleness

// Config says whom a Follower follows, and how.
type Config struct {
	Issuer, Audience string
	// ClientID and ClientSecret authenticate this service at the issuer.
	ClientID, ClientSecret string
	// Staleness is how old the view may be to be trusted. Introspect asks the
	// issuer about tokens while it is older.
	Staleness  time.Duration
	Introspect bool
	// Client must follow no redirects, and have room for a stream, an ack, and
	// [MaxQuestions] at once.
	Client *http.Client
	Now    func() time.Time
	Log    *slog.Logger
	Panics *background.Panics
}

// Follower follows the feed of one issuer. Its parts have one owner each: requests
// read the view; one goroutine owns the stream, and writes the view; downstream
// and questions have locks of their own.
type Follower struct {
	config Config
	host   Host
	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	view       *view.View
	stream     stream
	downstream downstream
	questions  questions
	upstream   *upstream.Client

	addresses atomic.Pointer[addresses]
	absent    atomic.Bool   // the issuer has no feed
	found     chan struct{} // the addresses are known
	first     chan struct{} // closed when the first attempt has ended
	firstEnd  sync.Once
	news      chan struct{} // there is something to acknowledge
	hasOpen   atomic.Bool   // a route accepts tokens that cannot be decided about
}

// addresses are those of the feed and what belongs to it.
type addresses struct{ feed, snapshot, poll, ack, introspection string }

var errNotReached = errors.New("the issuer was not reached yet")

// New returns a Follower. Call Start, and Close in the end.
func New(c Config, host Host) *Follower {
	f := &Follower{
		config: c, host: host,
		view:     view.New(view.Config{Issuer: c.Issuer, Staleness: c.Staleness, Now: c.Now, Panics: c.Panics}),
		upstream: upstream.New(*c.Client, c.ClientID, c.ClientSecret, rand.Text()),
		found:    make(chan struct{}, 1), first: make(chan struct{}), news: make(chan struct{}, 1),
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.downstream.draining = make(chan struct{})
	f.stream.Follower, f.downstream.Follower, f.questions.Follower = f, f, f
	return f
}

// View returns what the follower knows.
func (f *Follower) View() *view.View { return f.view }

// Discovered takes the addresses from the issuer's metadata. Once there was a feed
// there always is one: a line that is missing later does not turn revocation off.
func (f *Follower) Discovered(feed, introspection string) {
	if feed == "" {
		if f.addresses.Load() == nil && !f.absent.Swap(true) {
			f.config.Log.Warn("issuer offers no revocation feed: revoked tokens are accepted until they expire")
			f.ended()
		}
		return
	}
	f.addresses.Store(&addresses{feed, sibling(feed, "snapshot"), sibling(feed, "poll"), sibling(feed, "ack"), introspection})
	f.absent.Store(false)
	select {
	case f.found <- struct{}{}:
	default:
	}
}

// sibling replaces the last segment of an address.
func sibling(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.Path, u.RawQuery = path.Join(path.Dir(u.Path), name), ""
	return u.String()
}

// Start follows in the background. It returns when the first attempt has
// succeeded or failed, or with ctx.
func (f *Follower) Start(ctx context.Context) {
	go f.config.Panics.Keep(f.ctx, "follow", func(context.Context) { f.stream.run() })
	go f.config.Panics.Keep(f.ctx, "acknowledge", func(context.Context) { f.acknowledge() })
	if f.addresses.Load() == nil {
		return // the issuer was not reached; to wait longer makes no sense
	}
	select {
	case <-f.first:
	case <-ctx.Done():
	}
}

// Close stops following. The view stays as it is and grows old.
func (f *Follower) Close() {
	f.cancel()
	f.upstream.Close()
}

// ended notes that the first attempt has ended.
func (f *Follower) ended() { f.firstEnd.Do(func() { close(f.first) }) }

// acknowledgeSoon has the issuer hear soon how far this verifier has come.
func (f *Follower) acknowledgeSoon() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// CarriesKeys reports whether the keys come with the feed, so that nothing needs
// to be fetched.
func (f *Follower) CarriesKeys() bool {
	return f.stream.hasKeys.Load() && f.view.Current(f.config.Now())
}

// KeysAsOf returns the moment as of which the streamed key set is known.
func (f *Follower) KeysAsOf() (time.Time, bool) {
	if !f.stream.hasKeys.Load() {
		return time.Time{}, false
	}
	return f.view.WallAsOf()
}

// HasOpenRoute notes that a route accepts tokens that cannot be decided about: the
// issuer lists this verifier in receipts.
func (f *Follower) HasOpenRoute() { f.hasOpen.Store(true) }

// whenStale is what this verifier does while its view is too old. The issuer gets it
// with each ack.
func (f *Follower) whenStale() string {
	switch {
	case f.hasOpen.Load():
		return "open"
	case f.config.Introspect:
		return "introspect"
	}
	return "refuse"
}

// Health returns an error that wraps [refusal.ErrStale] while the view is too old.
func (f *Follower) Health(now time.Time) error {
	if f.absent.Load() || f.view.Current(now) {
		return nil
	}
	if why := f.stream.failure.Load(); why != nil {
		return fmt.Errorf("%w: %w", refusal.ErrStale, *why)
	}
	return fmt.Errorf("%w: %w", refusal.ErrStale, errNotReached)
}

// State is how following goes. Counts are since the start.
type State struct {
	Absent, Current                  bool
	Rules, RuleBytes, Position       int64
	Age                              time.Duration // negative when unknown
	Opened, Introspected, Unanswered int64
}

// State returns how following goes.
func (f *Follower) State(now time.Time) State {
	s := State{Absent: f.absent.Load(), Current: f.view.Current(now), Position: f.view.Position(), Age: f.view.Age(now),
		Opened: f.questions.opened.Load(), Introspected: f.questions.asked.Load(), Unanswered: f.questions.unanswered.Load()}
	s.Rules, s.RuleBytes = f.view.Size()
	return s
}
