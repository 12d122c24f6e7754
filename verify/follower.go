package verify

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
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
	"github.com/portaria/portaria/internal/feed"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/verify/internal/keyset"
	"github.com/portaria/portaria/verify/internal/rules"
)

// follower keeps the rules up to date with the issuer's log. One goroutine
// follows and writes; requests only read, and never wait for it.
type follower struct {
	v        *Verifier
	config   Config
	client   *http.Client
	ctx      context.Context // ends with Close
	close    func()
	began    time.Time // of the verifier's own time, see mono
	name     string    // what the issuer knows this verifier by
	places   atomic.Pointer[places]
	absent   atomic.Bool // the issuer has no feed
	found    chan struct{}
	first    chan struct{} // closed when the first attempt has ended
	applied  atomic.Int64  // place in the log; written by one
	rules    *rules.Set    // written by one
	salt     atomic.Pointer[salt]
	asOf     atomic.Pointer[asOf] // read before the rules, stored after them
	doubted  atomic.Int64         // when clocks were last found to be wrong; see distrust
	issuer   issuerClock
	gate     gate
	between  func()      // nil but in tests: called between the reads of asOf and rules
	hasKeys  atomic.Bool // the key set came with the stream that lives
	news     chan struct{}
	relay    atomic.Pointer[feed.Log]
	relaying sync.Mutex // held while the log to relay is begun, or what it tells changes
	keySet   []byte     // as it came; under relaying
	swept    time.Time
	sizes    struct{ rules, bytes atomic.Int64 }
	failure  atomic.Pointer[error] // why the newest attempt ended
	logged   []string              // causes logged since the feed was lost; of run
	polls    time.Time             // until when streams are not tried
	firstEnd sync.Once
	proof    atomic.Pointer[string] // of the last heartbeat; shown when coming back
	asking   introspector
	behind   behind
	unfit    unfit         // of run
	foreign  bool          // the feed has another salt, and that was logged; of run
	saying   time.Duration // the lease that the issuer was told when it was dialled; of run
}

// keepProof keeps what proves the place that was just applied.
func (f *follower) keepProof(proof string) {
	if proof != "" && len(proof) <= maxProof {
		f.proof.Store(&proof)
	}
}

// maxProof bounds the proof of a place, in bytes.
const maxProof = 64

// salt goes into every hash, and the key of the issuer with it.
type salt struct {
	bytes  []byte
	issuer rules.Key
}

// places are the addresses of the feed and what belongs to it.
type places struct{ feed, snapshot, poll, ack, introspection string }

var (
	errGap       = errors.New("the feed left something out")
	errBehind    = errors.New("the feed is behind what is known")
	errSalt      = errors.New("the feed is that of another log")
	errSilent    = errors.New("the feed says nothing")
	errBuffered  = errors.New("the feed does not begin")
	errDial      = errors.New("the feed cannot be connected to")
	errClock     = errors.New("the clock of this machine has stood still: nothing that was known before is trusted until the issuer has spoken again")
	errFrame     = errors.New("malformed frame of the feed")
	errSnapshot  = errors.New("malformed snapshot")
	errLifetime  = errors.New("the stream is old")
	errLease     = errors.New("the feed refuses who follows: Staleness is greater than the issuer allows (revocation_max_staleness)")
	errNoFeed    = errors.New("the issuer was not reached yet")
	errFeedReply = errors.New("unexpected answer of the feed")
	// The two that the operator of the service has to mend.
	errCredentials = errors.New("the issuer refuses ClientID or ClientSecret (status 401): compare them with the registered client")
	errScope       = errors.New("the issuer refuses this client (status 403): register it with the scope revocation:read")
)

func newFollower(v *Verifier, c Config) *follower {
	f := &follower{
		v: v, config: c, client: keyset.Client(c.HTTPClient, 2*maxAsking), began: c.Now(), name: rand.Text(),
		found: make(chan struct{}, 1), first: make(chan struct{}), news: make(chan struct{}, 1), rules: rules.NewSet(),
		asking: introspector{asked: map[string]*answered{}, no: map[[sha256.Size]byte]int64{}},
	}
	f.client.Timeout = 0 // a stream lasts
	ctx, cancel := context.WithCancel(context.Background())
	f.ctx, f.close = ctx, func() {
		cancel()
		f.client.CloseIdleConnections()
	}
	return f
}

// ignoredFeed is the feed of a verifier without client credentials. It logs once
// that there is a feed which nobody follows.
type ignoredFeed struct {
	keyset.NoFeed
	v   *Verifier
	log *slog.Logger
}

// Discovered takes the addresses in the issuer's metadata.
func (i ignoredFeed) Discovered(feed, _ string) {
	if feed != "" && !i.v.counts.offered.Swap(true) {
		i.log.Warn("revocation feed is not followed: the verifier has no client credentials; revoked tokens are accepted until they expire")
	}
}

// Discovered takes what the metadata say. Once there was a feed there always
// is: nobody turns revocation off by leaving a line out.
func (f *follower) Discovered(feed, introspection string) {
	if feed == "" {
		if f.places.Load() == nil && !f.absent.Swap(true) {
			f.config.Log.Warn("issuer offers no revocation feed: revoked tokens are accepted until they expire")
			f.ended()
		}
		return
	}
	f.places.Store(&places{feed, sibling(feed, "snapshot"), sibling(feed, "poll"), sibling(feed, "ack"), introspection})
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

// start follows, and waits until the first attempt has come to something.
func (f *follower) start(ctx context.Context) {
	panics := f.v.counts.panics
	go panics.Keep(f.ctx, "follow", func(context.Context) { f.run() })
	go panics.Keep(f.ctx, "acknowledge", func(context.Context) { f.acknowledge() })
	if f.places.Load() == nil {
		return // the issuer was not reached; waiting any longer makes no sense
	}
	select {
	case <-f.first:
	case <-ctx.Done():
	}
}

func (f *follower) ended() { f.firstEnd.Do(func() { close(f.first) }) }

// tell makes the issuer hear soon how far this verifier is.
func (f *follower) tell() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// CarriesKeys reports whether the keys come with the feed, so that nothing needs
// to be fetched.
func (f *follower) CarriesKeys() bool { return f.hasKeys.Load() && f.fresh(f.v.now()) }

// KeysAsOf returns the moment as of which the streamed key set is known.
func (f *follower) KeysAsOf() (time.Time, bool) {
	at := f.asOf.Load()
	if at == nil || !f.hasKeys.Load() {
		return time.Time{}, false
	}
	return time.UnixMilli(at.wall), true
}

// frame takes one frame of a stream or poll that was dialled at t0. It reports
// whether the view is newer now than it was.
func (f *follower) frame(ctx context.Context, t0 int64, name string, data []byte) (renewed bool, err error) {
	switch name {
	case api.FrameHello, api.FrameReset:
		err = f.greet(ctx, name, data)
	case api.FrameRules:
		err = f.part(data)
	case api.FrameKeySet:
		err = f.keys(data)
	case api.FrameHeartbeat:
		return f.heartbeat(t0, data)
	}
	return false, err
}

func (f *follower) greet(ctx context.Context, name string, data []byte) error {
	var hello api.FeedHello
	if json.Unmarshal(data, &hello) != nil {
		return errFrame
	}
	if err := f.meet(hello); err != nil {
		return err
	}
	f.tell() // the other process may know no more of it than it said to begin with
	if name == api.FrameHello {
		return nil
	}
	return f.fetchSnapshot(ctx)
}

// meet checks that the log is the one that is known, and not an older state of
// it: then places would mean something else than they did.
func (f *follower) meet(hello api.FeedHello) error {
	grains, err := base64.RawURLEncoding.DecodeString(hello.Salt)
	known := f.salt.Load()
	far := plausible(f.applied.Load(), hello.Head)
	switch {
	case err != nil || len(grains) == 0 || len(grains) > 64:
		return errFrame
	case hello.Head < f.applied.Load():
		return errBehind
	case far != nil:
		return far
	case known == nil:
		iss := f.v.policy.issuer
		f.salt.Store(&salt{grains, rules.KeyOf(rule.Hash(grains, rule.Issuer, iss, iss))})
		f.v.epoch.Add(1)
		f.v.watches.index(f)
	case !bytes.Equal(known.bytes, grains):
		// What is known would be of no use, and nothing is ever un-revoked.
		return errSalt
	}
	return nil
}

// part applies a part of the log.
func (f *follower) part(data []byte) error {
	var part api.FeedRules
	if json.Unmarshal(data, &part) != nil || f.salt.Load() == nil {
		return errFrame
	}
	applied := f.applied.Load()
	if part.To <= applied {
		return nil
	}
	if part.From > applied {
		return errGap
	}
	if err := plausible(applied, part.To); err != nil {
		return err
	}
	batch := make([]rules.Rule, 0, len(part.Rules))
	for _, w := range part.Rules {
		r, err := rules.Of(w)
		if err != nil {
			return fmt.Errorf("%w: %w", errFrame, err)
		}
		if w.Seq > part.To {
			return errFrame
		}
		batch = append(batch, r)
	}
	if err := f.merge(batch); err != nil {
		return err
	}
	f.move(part.To, func(relay *feed.Log) {
		part.From = applied
		relay.Append(part)
	})
	f.keepProof(part.Proof)
	return nil
}

// move notes a place in the log, for those who follow this verifier, too.
func (f *follower) move(to int64, tell func(*feed.Log)) {
	f.relaying.Lock()
	defer f.relaying.Unlock()
	f.applied.Store(to)
	if relay := f.relay.Load(); relay != nil {
		tell(relay)
	}
}

// merge makes rules count, for requests and for whoever watches.
func (f *follower) merge(batch []rules.Rule) error {
	if len(batch) == 0 {
		return nil
	}
	if err := f.rules.Merge(batch, f.v.now().Unix()); err != nil {
		return err
	}
	f.measure()
	f.v.epoch.Add(1)
	f.v.watches.hit(f, batch)
	f.tell()
	return nil
}

func (f *follower) measure() {
	f.sizes.rules.Store(int64(f.rules.Len()))
	f.sizes.bytes.Store(int64(f.rules.Size()))
}

// keys replaces the key set. A key that is not in it is forgotten at once. The
// rules are followed also while the set cannot be read: it is fetched instead.
func (f *follower) keys(data []byte) error {
	if err := f.v.keys.UseStreamed(data, f.v.now()); err != nil {
		f.hasKeys.Store(false)
		f.config.Log.Warn("key set of the revocation feed cannot be read, the published one is fetched", "error", err)
		return nil
	}
	f.hasKeys.Store(true)
	f.relaying.Lock()
	defer f.relaying.Unlock()
	f.keySet = bytes.Clone(data)
	if relay := f.relay.Load(); relay != nil {
		relay.SetKeySet(data)
	}
	return nil
}

// heartbeat renews the view if everything that it is about has been applied. It
// reports whether the stream is of use: one that makes the view newer, and yet
// not young enough, counts time by a clock that has stood still.
func (f *follower) heartbeat(t0 int64, data []byte) (bool, error) {
	var hb api.FeedHeartbeat
	if json.Unmarshal(data, &hb) != nil || f.salt.Load() == nil {
		return false, errFrame
	}
	if hb.Head > f.applied.Load() {
		return false, nil
	}
	f.suspect()
	newer, err := f.renew(t0, hb)
	if err != nil {
		return false, err
	}
	f.keepProof(hb.Proof)
	f.heard(f.saying)
	return !newer || f.fresh(f.v.now()), nil
}
