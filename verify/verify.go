// Package verify is how a Go service accepts access tokens of Portaria, or of
// any issuer that publishes its keys (RFC 8414, RFC 9068):
//
//	v, err := verify.New(ctx, verify.Config{Issuer: "https://auth.example.com", Audience: "orders"})
//	mux.Handle("GET /orders", v.RequireFunc(orders))
//	mux.Handle("POST /transfers", v.RequireFunc(transfer, verify.FreshWithin(5*time.Minute), verify.Scope("transfers:write")))
//
// Inside a handler, [FromContext] has the [Claims]. Code without HTTP calls
// [Verifier.Verify].
//
// What a token says about itself is never believed: the issuer's key decides
// the algorithm, and the header only confirms it. Keys are fetched in the
// background, and good tokens keep working while the issuer is down. Verified
// tokens are cached. Their expiry, their key and the revocation rules are still
// checked for each request.
//
// A service that is registered with the issuer sets ClientID and ClientSecret. Its
// verifier then follows the revocation log in the background: logouts, disabled
// accounts, changed passwords, revoked keys. A check is a look-up in memory, without a
// request to the issuer. [Config.Staleness] bounds it: all revoked tokens are rejected
// after that time. A verifier that has not heard from the issuer for longer is stale
// and returns [ErrStale], except for tokens that are younger than the bound.
// [Verifier.Watch] ends connections when their token does. [Verifier.Feed] serves the
// log to services behind a gateway.
//
// The package has more than 1,500 lines because it is the whole interface of the SDK: what
// services do not call is in the folder internal.
package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify/internal/follow"
	"github.com/portaria/portaria/verify/internal/keyset"
	"github.com/portaria/portaria/verify/internal/payload"
	"github.com/portaria/portaria/verify/internal/view"
)

// Verifier verifies the access tokens of one issuer for one audience. Safe for
// concurrent use. The zero value refuses everything.
type Verifier struct {
	policy     policy
	places     []Place
	refused    func(http.ResponseWriter, *http.Request, error)
	now        func() time.Time
	keys       *keyset.Keys
	manual     bool           // keys come with SetKeySet
	remote     *keyset.Remote // nil for keys that are not fetched
	decryption jose.KeySet
	cache      *cache // nil for none
	macs       *macs  // nil for keys that are public
	memory     sync.Pool
	follower   *follow.Follower // nil when nothing is followed
	watches    *view.Watches
	counts     counts
}

// New returns a verifier. It fetches the issuer's keys and waits for them until
// ctx ends or the first attempt has failed; the verifier then keeps trying, and
// answers [ErrUnavailable] until it has them: [Verifier.Health] says why.
// The only errors are those of a bad configuration; they wrap [ErrConfig].
// Call [Verifier.Close] when it is no longer needed.
func New(ctx context.Context, c Config) (*Verifier, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	v := &Verifier{
		policy: policy{issuer: c.Issuer, audience: c.Audience, profile: c.Profile, leeway: c.Leeway.Milliseconds()},
		places: slices.Clone(c.Places), refused: c.OnRefused,
		now:    c.Now,
		manual: c.ManualKeys,
		memory: sync.Pool{New: newScratch}, watches: view.NewWatches(),
	}
	var err error
	if c.DecryptionKeys != nil {
		if v.decryption, err = parsePrivate(c.DecryptionKeys); err != nil {
			return nil, err
		}
	}
	if c.Secret == nil && c.CacheEntries > 0 {
		// A MAC takes less time than looking for the token would.
		v.cache = newCache(c.CacheEntries, c.CacheBytes)
	}
	if !c.remote() {
		if v.keys, err = staticKeys(c); err != nil {
			return nil, err
		}
		if c.Secret != nil {
			v.macs = newMACs(jose.Algorithm(c.SecretAlgorithm), c.Secret)
		}
		return v, nil
	}
	v.keys = keyset.NewPublished(c.MaxKeyAge, c.Log)
	v.counts.panics = background.New(c.Log)
	source := keyset.Config{
		Issuer: c.Issuer, MetadataURL: c.MetadataURL, KeySetURL: c.KeySetURL, RefreshInterval: c.RefreshInterval, RefetchInterval: c.RefetchInterval,
		Client: keyset.Client(c.HTTPClient, 2), InsecureHTTP: c.InsecureHTTP, Now: c.Now, Panics: v.counts.panics, Feed: ignoredFeed{v: v, log: c.Log},
	}
	if c.ClientID != "" {
		v.policy.revocable = true
		v.follower = follow.New(v.followed(c), host{v})
		v.watches, source.Feed = v.follower.View().Watches(), v.follower
	}
	v.remote = keyset.NewRemote(source, v.keys)
	v.remote.Start(ctx)
	if v.follower != nil {
		v.follower.Start(ctx)
	}
	return v, nil
}

// staticKeys returns the keys of a configuration that contains them.
func staticKeys(c Config) (*keyset.Keys, error) {
	if c.ManualKeys {
		return keyset.NewManual(), nil
	}
	if c.Secret == nil {
		keys, err := keyset.NewFixed(c.KeySet)
		if err != nil {
			return nil, fmt.Errorf("%w: KeySet: %w", ErrConfig, err)
		}
		return keys, nil
	}
	a := jose.Algorithm(c.SecretAlgorithm)
	if !a.Signs() || !a.Symmetric() {
		return nil, fmt.Errorf("%w: SecretAlgorithm is not HS256, HS384 or HS512", ErrConfig)
	}
	k, err := jose.NewKey(a, []byte(c.Secret))
	if err != nil {
		return nil, fmt.Errorf("%w: Secret: %w", ErrConfig, err)
	}
	return keyset.NewSecret(k), nil
}

// parsePrivate reads the keys that decrypt.
func parsePrivate(data []byte) (jose.KeySet, error) {
	set, err := jose.ParseKeySet(data)
	if err != nil {
		return jose.KeySet{}, fmt.Errorf("%w: DecryptionKeys: %w", ErrConfig, err)
	}
	for _, k := range set.Keys() {
		if k.Private() && k.Algorithm().Encrypts() {
			return set, nil
		}
	}
	return jose.KeySet{}, fmt.Errorf("%w: DecryptionKeys: none that decrypts", ErrConfig)
}

// Close stops fetching keys and following the revocation feed. The verifier
// keeps working with what it has until that is too old.
func (v *Verifier) Close() {
	if v.follower != nil {
		v.follower.Close()
	}
	if v.remote != nil {
		v.remote.Close()
	}
}

// Health returns nil while the verifier can decide about tokens, and otherwise
// an error that wraps [ErrUnavailable] and the reason; [ErrStale] while it does
// not hear what is revoked. It returns an error that wraps [ErrDegraded] and not
// ErrUnavailable when the keys cannot be fetched for so long that every token
// will be refused soon: alert on it, and stay ready. A verifier that does not
// follow the feed that its issuer offers is healthy: [Verifier.Stats] says so,
// and the log.
func (v *Verifier) Health() error {
	if v.keys == nil {
		return ErrUnavailable
	}
	now := v.now()
	if keys, why := v.keys.Usable(now.UnixMilli()); keys == nil {
		return v.unavailable(why)
	}
	if v.follower != nil {
		if err := v.follower.Health(now); err != nil {
			return err
		}
	}
	return v.degraded(now)
}

// degraded warns in the second half of the time for which keys stay usable
// while they cannot be fetched.
func (v *Verifier) degraded(now time.Time) error {
	age, since, err := v.keys.Aging(now.UnixMilli())
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: they are %v old, fetching fails for %v, and every token is refused when they are %v old: %w",
		ErrDegraded, age.Round(time.Second), now.Sub(since).Round(time.Second), v.keys.MaxAge(), err)
}

// Refresh fetches the issuer's keys now, however short ago that was: for an
// operator who has just withdrawn one. Errors wrap [ErrUnavailable]; the keys
// then stay as they were.
func (v *Verifier) Refresh(ctx context.Context) error {
	if v.remote == nil {
		return nil
	}
	_, err := v.remote.Refresh(ctx, true)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("verify: %w", ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// unavailable is the error of a verifier without usable keys. The reason may be
// nil.
func (v *Verifier) unavailable(why error) error {
	if v.remote != nil {
		failed := v.remote.Failure()
		switch {
		case why == nil:
			why = failed
		case failed != nil && !errors.Is(failed, why):
			why = fmt.Errorf("%w: %w", why, failed)
		}
	}
	if why == nil {
		return ErrUnavailable
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, why)
}

// Verify returns the claims of a compact token, an error that wraps
// [ErrInvalid], or one that wraps [ErrUnavailable]. It makes no network call
// but for a token whose key is not known, when all keys have grown too old, or
// to introspect: then it waits for the answer, at most until ctx ends. While the
// revocation feed is followed it makes none at all.
func (v *Verifier) Verify(ctx context.Context, token string) (Claims, error) {
	return v.decide(ctx, token, false)
}

// decide is Verify, and counts rejected tokens. open accepts good tokens while the
// verifier is stale.
func (v *Verifier) decide(ctx context.Context, token string, open bool) (Claims, error) {
	c, err := v.check(ctx, token, open)
	if err != nil {
		v.counts.refused(err)
	}
	return c, err
}

func (v *Verifier) check(ctx context.Context, token string, open bool) (Claims, error) {
	if len(token) > jose.MaxToken {
		return Claims{}, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, jose.MaxToken)
	}
	if v.keys == nil {
		return Claims{}, ErrUnavailable
	}
	now := v.now()
	r, d, isNew, err := v.find(ctx, token, now.UnixMilli())
	if err != nil {
		return Claims{}, err
	}
	if v.follower != nil {
		if isNew {
			now = v.now() // it may have waited for keys meanwhile
		}
		if err := v.follower.Admit(ctx, follow.Request{Token: r, Text: token, Now: now, Open: open}); err != nil {
			return Claims{}, err
		}
	}
	if isNew && v.cache != nil && !r.key.Withdrawn() && !r.key.Algorithm().Symmetric() {
		r.digest = d
		v.cache.add(r, now.UnixMilli())
	}
	return Claims{r}, nil
}

// find returns what is known of a token, or what was found out just now with
// the digest to keep it by.
func (v *Verifier) find(ctx context.Context, token string, now int64) (r *record, d digest, isNew bool, err error) {
	if v.cache != nil {
		if r, d = v.cache.find(token); r != nil && v.stands(r, now) {
			return r, d, false, nil
		}
	}
	r, err = v.verify(ctx, token, now)
	return r, d, true, err
}

// stands reports whether a cached token is still good. If not, it is verified anew,
// which returns the reason. The revocation rules are checked later.
func (v *Verifier) stands(r *record, now int64) bool {
	return !v.policy.expired(r.dates[payload.Expires], now) &&
		!v.policy.early(r.dates[payload.NotBefore], now) && !v.policy.early(r.dates[payload.IssuedAt], now) &&
		!r.key.Withdrawn() && now < v.keys.Until()
}

// verify checks everything.
func (v *Verifier) verify(ctx context.Context, token string, now int64) (*record, error) {
	token, err := v.decrypt(token)
	if err != nil {
		return nil, err
	}
	parts, err := jose.Split(token)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	keys, err := v.usableKeys(ctx, now)
	if err != nil {
		return nil, err
	}
	k, learned := keys.Learned(parts.Header)
	if !learned {
		if k.Header, err = v.parseHeader(parts.Header); err != nil {
			return nil, err
		}
	}
	s := v.memory.Get().(*scratch)
	defer v.memory.Put(s)
	if err := s.claims.Read(parts.Payload); err != nil {
		return nil, err
	}
	if err := v.policy.checkCheap(s.claims, now); err != nil {
		return nil, err
	}
	switch {
	case learned && v.macs != nil:
		err = v.macs.check(s, parts)
	case learned:
		err = parts.Verify(k.Key.Key)
	default:
		k.Key, err = v.verifyFirst(ctx, keys, parts, k.Header, s.claims.Dates[payload.IssuedAt])
	}
	if err != nil {
		return nil, signatureError(err)
	}
	if err := v.policy.check(s.claims, now); err != nil {
		return nil, err
	}
	return v.policy.record(s.claims, k.Key), nil
}

// decrypt returns the signed token inside an encrypted one.
func (v *Verifier) decrypt(token string) (string, error) {
	if strings.Count(token, ".") != 4 {
		return token, nil
	}
	encrypted, err := jose.ParseEncrypted(token)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	k, err := v.decryption.FindEncrypted(encrypted.Header)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrDecrypt, err)
	}
	signed, err := encrypted.DecryptNested(k)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrDecrypt, err)
	}
	return signed, nil
}

// usableKeys returns the keys. If there are none or they are too old, as they are
// after a machine was suspended, it tries once more to fetch them.
func (v *Verifier) usableKeys(ctx context.Context, now int64) (*keyset.View, error) {
	keys, why := v.keys.Usable(now)
	if keys == nil && v.remote != nil && !v.streamsKeys() {
		_, _ = v.remote.Refresh(ctx, false) // what counts is what there is now
		keys, why = v.keys.Usable(now)
	}
	if keys != nil {
		return keys, nil
	}
	if errors.Is(ctx.Err(), context.Canceled) { // the caller has gone
		return nil, fmt.Errorf("verify: %w", ctx.Err())
	}
	return nil, v.unavailable(why)
}

// streamsKeys reports whether the keys come with the revocation feed, so that
// nothing needs to be fetched.
func (v *Verifier) streamsKeys() bool { return v.follower != nil && v.follower.CarriesKeys() }

func (v *Verifier) parseHeader(encoded string) (jose.Header, error) {
	h, err := jose.ParseHeader(encoded)
	switch {
	case errors.Is(err, jose.ErrAlgorithm):
		return h, fmt.Errorf("%w: %w", ErrAlgorithm, err)
	case errors.Is(err, jose.ErrHeader):
		return h, fmt.Errorf("%w: %w", ErrType, err)
	case err != nil:
		return h, fmt.Errorf("%w: read header: %w", ErrMalformed, err)
	case !v.policy.profile.accepts(h.Type):
		return h, fmt.Errorf("%w: its typ is not that of the profile %s", ErrType, v.policy.profile)
	case h.ContentType != "" || h.CarriesKey:
		return h, fmt.Errorf("%w: its header has cty or a key", ErrType)
	}
	return h, nil
}

// verifyFirst checks the signature of a token whose header is not known yet, and
// learns the header.
func (v *Verifier) verifyFirst(ctx context.Context, seen *keyset.View, parts jose.Compact, h jose.Header, issued int64) (*keyset.Key, error) {
	found, err := seen.Find(h)
	if errors.Is(err, jose.ErrKey) && v.remote != nil {
		seen, found, err = v.remote.FindNew(ctx, seen, h, issued, v.policy.leeway)
	}
	if err != nil {
		return nil, err
	}
	if err := parts.Verify(found); err != nil {
		return nil, err
	}
	return v.keys.Learn(seen, parts.Header, h, found), nil
}

// signatureError gives an error of the guard its name here.
func signatureError(err error) error {
	switch {
	case errors.Is(err, ErrUnavailable) || errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, jose.ErrAlgorithm):
		return fmt.Errorf("%w: %w", ErrAlgorithm, err)
	case errors.Is(err, jose.ErrKey):
		return fmt.Errorf("%w: %w", ErrKey, err)
	case errors.Is(err, jose.ErrMalformed):
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return fmt.Errorf("%w: %w", ErrSignature, err)
}
