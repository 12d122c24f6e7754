package verify

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify/internal/follow"
	"github.com/portaria/portaria/verify/internal/keyset"
)

// Profile is the form of access token that a service expects, as its issuer is
// set to mint for it. The empty Profile is [AccessToken].
type Profile string

const (
	// AccessToken has "typ": "at+jwt" (RFC 9068): no other kind of token can be
	// taken for it. The default.
	AccessToken Profile = "at+jwt"
	// PlainJWT has "typ": "JWT", as older issuers write it. It does not tell an
	// access token from an ID token: only the audience does.
	PlainJWT Profile = "jwt"
	// Flask is what flask-jwt-extended expects: "typ": "JWT" and the claim
	// "type": "access".
	Flask Profile = "flask"
	// InsecureAnyType accepts tokens without "typ", with "JWT" and with "at+jwt",
	// for issuers that do not say which kind of token they sign. Its risk: an ID
	// token, or another token that the issuer signs for this audience, is taken
	// for an access token. Give the service an audience that no client has.
	InsecureAnyType Profile = "any"
)

// accepts compares the "typ" of a header: a media type, so that neither case nor
// "application/" matters (RFC 7515, section 4.1.9).
func (p Profile) accepts(typ string) bool {
	if len(typ) > len("application/") && strings.EqualFold(typ[:len("application/")], "application/") {
		typ = typ[len("application/"):]
	}
	access, plain := strings.EqualFold(typ, "at+jwt"), strings.EqualFold(typ, "JWT")
	switch p {
	case InsecureAnyType:
		// A type of its own ends in "+jwt" (RFC 8725, section 3.11).
		return access || len(typ) < len("+jwt") || !strings.EqualFold(typ[len(typ)-len("+jwt"):], "+jwt")
	case PlainJWT, Flask:
		return plain
	}
	return access
}

// WhenStale is what a verifier does with a good token when it cannot know from
// the feed whether it was revoked, and the token is too old to prove it itself.
// The empty WhenStale is [Refuse].
type WhenStale string

const (
	// Refuse answers [ErrStale], which is 503 in HTTP. The default.
	Refuse WhenStale = "refuse"
	// Introspect asks the issuer about each token (RFC 7662), at most once
	// within Staleness, and refuses when it does not answer.
	Introspect WhenStale = "introspect"
)

// Secret is what must not be printed: it shows as [secret] in texts, logs and
// JSON.
type Secret []byte

// String keeps the secret out of texts.
func (Secret) String() string { return "[secret]" }

// Format keeps the secret out of every fmt verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[secret]") }

// LogValue keeps the secret out of logs.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalText keeps the secret out of JSON.
func (Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// Config says whose tokens to accept. Issuer and Audience are required; every
// other zero value is the safe default.
type Config struct {
	// Issuer is the URL of the issuer, exactly as in "iss". Its keys are found
	// through its metadata (RFC 8414, or OpenID Connect Discovery) unless
	// KeySetURL, KeySet or Secret is given. It must be https, or http on a
	// loopback address, unless MetadataURL or KeySetURL says where its keys are.
	Issuer string
	// Audience is this service's own name in "aud".
	Audience string
	// Profile is the form of token the issuer mints for this audience.
	Profile Profile

	// MetadataURL is where the issuer's metadata are, for an issuer that is not
	// to be reached at the address in "iss". They must name this Issuer.
	MetadataURL string
	// KeySetURL is where the issuer's key set is, for an issuer without metadata,
	// or with metadata of another name. No metadata are read, so that no
	// revocation feed is found.
	KeySetURL string
	// KeySet is a fixed set of public keys (JWKS or one JWK) to use instead of
	// the issuer's published one. Nothing is fetched.
	KeySet []byte
	// ManualKeys says that the service gets the issuer's keys some other way and
	// hands them over with [Verifier.SetKeySet]. Nothing is fetched.
	ManualKeys bool
	// Secret is a shared HMAC secret to use instead of public keys, for a
	// single service: everything that verifies with it can also sign. It has at
	// least the length of its hash.
	Secret Secret
	// SecretAlgorithm is HS256 (the default), HS384 or HS512.
	SecretAlgorithm string
	// DecryptionKeys are this service's private keys (JWKS or one JWK), for
	// tokens that are encrypted to it (nested JWE). Without them encrypted
	// tokens are refused. Tokens that are only signed stay accepted.
	DecryptionKeys Secret

	// Places are where [Verifier.Require] looks for the token: default the
	// Authorization header alone.
	Places []Place
	// OnRefused answers a request that [Verifier.Require] rejects, instead of
	// [WriteError], which it may call. The wrapped handler does not run.
	OnRefused func(w http.ResponseWriter, r *http.Request, err error)

	// Leeway is how far the clocks may be apart, to the millisecond: default 10
	// seconds, at most 5 minutes, negative for none.
	Leeway time.Duration
	// RefreshInterval is how often the key set is fetched: default 5 minutes.
	// A key that the issuer withdraws is refused at the latest after it.
	RefreshInterval time.Duration
	// RefetchInterval is the window in which tokens that name unknown keys cause
	// three fetches at most, and two on average, however many they are: default
	// 10 seconds, negative for no limit, which suits tests alone.
	RefetchInterval time.Duration
	// MaxKeyAge is how long a key set stays usable while the issuer cannot be
	// reached: default 24 hours. After it nothing is accepted.
	MaxKeyAge time.Duration
	// HTTPClient fetches metadata and keys; nil for one with strict limits.
	// Redirects are never followed, and a fetch ends after 10 seconds.
	HTTPClient *http.Client
	// InsecureHTTP allows an issuer whose keys are fetched without TLS: an attacker
	// on the network can replace them and sign in as any account.
	InsecureHTTP bool

	// CacheEntries bounds the cache of verified tokens: default 100,000,
	// negative for no cache. Tokens with a Secret are never cached.
	CacheEntries int
	// CacheBytes bounds its memory: default 64 MiB.
	CacheBytes int64

	// ClientID and ClientSecret are what this service is registered with at the
	// issuer, with the scope revocation:read. With them, and an issuer whose
	// metadata name a revocation feed, the verifier follows what is revoked.
	ClientID     string
	ClientSecret Secret
	// Staleness is the bound: a token that was revoked is refused after it at
	// the latest, because a verifier whose view of the log is older than that
	// does not trust it. Default 10 seconds, at least 2.
	Staleness time.Duration
	// WhenStale is what happens then to tokens that are older than Staleness.
	WhenStale WhenStale
	// Log gets to know when the feed is lost and found again, and when there is
	// one that is not followed: default [slog.Default].
	Log *slog.Logger

	// Now is the clock: default [time.Now].
	Now func() time.Time
}

const (
	defaultLeeway  = 10 * time.Second
	maxLeeway      = 5 * time.Minute
	defaultRefresh = 5 * time.Minute
	defaultRefetch = 10 * time.Second
	defaultKeyAge  = 24 * time.Hour
	defaultEntries = 100_000
	defaultStale   = follow.DefaultStaleness
	leastStale     = 2 * time.Second // heartbeats come every second
	defaultBytes   = 64 << 20
)

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	c.Leeway = cmp.Or(c.Leeway, defaultLeeway)
	c.Leeway = max(c.Leeway, 0).Truncate(time.Millisecond)
	c.RefreshInterval = cmp.Or(c.RefreshInterval, defaultRefresh)
	c.RefetchInterval = cmp.Or(c.RefetchInterval, defaultRefetch)
	c.MaxKeyAge = cmp.Or(c.MaxKeyAge, defaultKeyAge)
	c.CacheEntries = cmp.Or(c.CacheEntries, defaultEntries)
	c.CacheBytes = cmp.Or(c.CacheBytes, defaultBytes)
	c.Profile = cmp.Or(c.Profile, AccessToken)
	c.SecretAlgorithm = cmp.Or(c.SecretAlgorithm, string(jose.HS256))
	if c.OnRefused == nil {
		c.OnRefused = func(w http.ResponseWriter, _ *http.Request, err error) { WriteError(w, err) }
	}
	if c.Places == nil {
		c.Places = []Place{Header()}
	}
	c.Staleness = cmp.Or(c.Staleness, defaultStale)
	c.WhenStale = cmp.Or(c.WhenStale, Refuse)
	c.Log = cmp.Or(c.Log, slog.Default())
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// check reports the first thing that is wrong with a configuration that has
// its defaults.
func (c Config) check() error {
	wrong := ""
	switch {
	case c.Issuer == "":
		wrong = "Issuer is missing"
	case c.Audience == "":
		wrong = "Audience is missing"
	case unlikely(c.Issuer) || unlikely(c.Audience):
		wrong = "Issuer or Audience begins or ends with a space, or has control characters: no token would"
	case len(c.Places) == 0:
		wrong = "Places is empty: no token would be found"
	case !slices.Contains([]Profile{AccessToken, PlainJWT, Flask, InsecureAnyType}, c.Profile):
		wrong = "Profile must be at+jwt, jwt, flask or any"
	case c.keySources() > 1:
		wrong = "KeySet, Secret and ManualKeys exclude each other"
	case slices.ContainsFunc(c.Places, func(p Place) bool { return !p.valid() }):
		wrong = "Places: one is no place; a Cookie needs a name that begins with __Host-, a BodyField a name, and a HeaderField the name of a header other than Authorization and Cookie"
	case repeats(c.Places):
		wrong = "Places: one is there twice"
	case c.Leeway > maxLeeway:
		wrong = "Leeway is above 5 minutes"
	case c.RefreshInterval < 0 || c.MaxKeyAge < 0 || c.CacheBytes < 0:
		wrong = "intervals, MaxKeyAge and CacheBytes cannot be negative"
	case c.MaxKeyAge < c.RefreshInterval:
		wrong = "MaxKeyAge is below RefreshInterval: keys would go stale between two fetches"
	case (c.ClientID == "") != (len(c.ClientSecret) == 0):
		wrong = "ClientID and ClientSecret need each other"
	case c.ClientID != "" && !c.remote():
		wrong = "ClientID is of no use with KeySet or Secret: nobody is asked"
	case c.Staleness < leastStale:
		wrong = "Staleness is below 2 seconds"
	case c.WhenStale != Refuse && c.WhenStale != Introspect:
		wrong = "WhenStale must be refuse or introspect"
	case c.MetadataURL != "" && c.KeySetURL != "" || (c.MetadataURL != "" || c.KeySetURL != "") && !c.remote():
		wrong = "MetadataURL, KeySetURL, KeySet, Secret and ManualKeys exclude each other"
	case c.MetadataURL != "" && !c.fetchable(keyset.WithoutQuery(c.MetadataURL)) || c.KeySetURL != "" && !c.fetchable(keyset.WithoutQuery(c.KeySetURL)):
		wrong = "MetadataURL and KeySetURL must be https URLs without fragment (or http on a loopback address)"
	case c.KeySetURL != "" && c.ClientID != "":
		wrong = "ClientID is of no use with KeySetURL: only metadata name a revocation feed"
	case c.remote() && c.KeySetURL == "" && c.MetadataURL == "" && !c.fetchable(c.Issuer):
		wrong = "Issuer must be an https URL without query and fragment (or http on a loopback address)"
	}
	if wrong != "" {
		return fmt.Errorf("%w: %s", ErrConfig, wrong)
	}
	return nil
}

// remote tells whether keys are fetched.
func (c Config) remote() bool { return c.keySources() == 0 }

// keySources counts the ways to get keys other than fetching them.
func (c Config) keySources() (n int) {
	for _, given := range []bool{c.KeySet != nil, c.Secret != nil, c.ManualKeys} {
		if given {
			n++
		}
	}
	return n
}

// fetchable reports whether keys may be fetched from an address.
func (c Config) fetchable(address string) bool { return keyset.Fetchable(address, c.InsecureHTTP) }

// unlikely reports text that somebody mistyped.
func unlikely(s string) bool {
	return strings.TrimSpace(s) != s || strings.ContainsFunc(s, unicode.IsControl)
}

func repeats(places []Place) bool {
	for i, p := range places {
		if slices.Contains(places[:i], p) {
			return true
		}
	}
	return false
}
