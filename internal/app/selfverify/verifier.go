// Package selfverify verifies the access tokens that come to the service's own routes,
// with the same package verify as any other service. Its keys come out of the key ring
// and not over HTTP.
package selfverify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/token"
	"github.com/portaria/portaria/verify"
)

const (
	// ownCache is the size of the cache of verified tokens. It is small: each request
	// reads the session as well, so a cache saves little.
	ownCache = 10_000
	// maxForOthers bounds the verifiers for the audiences of services.
	maxForOthers = 1000
)

// Config is what [New] needs. Ring, Tokens, Policy and Now are required.
type Config struct {
	Ring   *keyring.Ring
	Tokens *token.Issuer
	// Policy is that of Tokens.
	Policy token.Policy
	// Leeway is the difference of clocks that is tolerated; 0 means none.
	Leeway time.Duration
	// OnlyIssuer refuses tokens for other audiences than the issuer also on the
	// routes of people's own accounts.
	OnlyIssuer bool
	Now        func() time.Time
}

// Verifiers verify the tokens of requests to the service. Make them with [New], and
// give their Accept to the key ring. Safe for concurrent use.
type Verifiers struct {
	Config
	reader *token.Reader
	// powers accepts the audience of the issuer itself, own that of the settings.
	powers, own *verify.Verifier

	mu   sync.Mutex   // guards what follows, and the order of keys
	keys keyring.View // what all verifiers have
	// others accept the audiences of services, each in its profile.
	others map[service]*verify.Verifier
}

// service is an audience and the form of its tokens.
type service struct {
	audience string
	profile  token.Profile
}

// New returns verifiers that have no keys until Accept.
func New(ctx context.Context, c Config) (*Verifiers, error) {
	v := &Verifiers{Config: c, reader: token.NewReader(c.Ring, c.Policy.Issuer), others: map[service]*verify.Verifier{}}
	var err error
	if v.powers, err = v.make(ctx, service{audience: c.Tokens.Self()}, ownCache); err != nil {
		return nil, err
	}
	p := c.Policy
	v.own, err = v.make(ctx, service{p.Audience, p.Services[p.Audience].Profile}, ownCache)
	return v, err
}

// make returns a verifier that has no keys yet.
func (v *Verifiers) make(ctx context.Context, s service, cached int) (*verify.Verifier, error) {
	leeway := v.Leeway
	if leeway == 0 {
		leeway = -1 // none; to verify, zero is the default
	}
	made, err := verify.New(ctx, verify.Config{
		Issuer:       v.Tokens.Self(),
		Audience:     s.audience,
		Profile:      verify.Profile(s.profile),
		ManualKeys:   true,
		Places:       access.Places(),
		Leeway:       leeway,
		CacheEntries: cached,
		Now:          v.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("set up verifier: %w", err)
	}
	return made, nil
}

// Accept replaces the accepted keys by those of a view. A revoked key is rejected from now
// on.
func (v *Verifiers) Accept(keys keyring.View) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keys = keys
	return v.handOverAll()
}

// Expire withdraws the keys whose last token has expired since the last reading.
func (v *Verifiers) Expire() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.handOverAll()
}

func (v *Verifiers) handOverAll() error {
	errs := []error{v.handOver(v.powers), v.handOver(v.own)}
	for _, other := range v.others {
		errs = append(errs, v.handOver(other))
	}
	return errors.Join(errs...)
}

// handOver sets the keys of a verifier. The caller holds mu: older keys must not replace
// newer ones.
func (v *Verifiers) handOver(to *verify.Verifier) error {
	var secrets [][]byte
	now := v.Now()
	for _, k := range v.keys.Keys() {
		if k.Record().Purpose == keyring.Signing && k.State(now).Published() && k.Algorithm().Symmetric() {
			secrets = append(secrets, k.RevealJWK())
		}
	}
	if err := to.SetKeySet(v.keys.KeySet(now).JSON, jose.KeySetJSON(secrets)); err != nil {
		return fmt.Errorf("hand keys to the verifier: %w", err)
	}
	return nil
}

// Power verifies the token of a request to an administrative route. Its audience must be the
// issuer.
func (v *Verifiers) Power(r *http.Request) (verify.Claims, verify.Place, error) {
	return v.withNewKeys(r, v.powers.VerifyRequest)
}

// Person verifies the token of a request to a route of a person's own account. A token for
// any service is accepted, unless OnlyIssuer is set: so an app can sign out and step up with
// the token that it has.
func (v *Verifiers) Person(r *http.Request) (verify.Claims, verify.Place, error) {
	return v.withNewKeys(r, v.person)
}

func (v *Verifiers) person(r *http.Request) (verify.Claims, verify.Place, error) {
	if v.OnlyIssuer {
		claims, place, err := v.powers.VerifyRequest(r)
		if errors.Is(err, verify.ErrInvalid) {
			// A token of another profile is refused for its form. The audience is the
			// more useful reason.
			if audience, bad := v.reader.Audience(r.Context(), tokenAt(r, place), v.Now()); bad == nil && audience != v.Tokens.Self() {
				err = verify.ErrAudience
			}
		}
		return claims, place, err
	}
	claims, place, refused := v.own.VerifyRequest(r)
	// All verifiers have the same keys.
	if !errors.Is(refused, verify.ErrInvalid) || errors.Is(refused, verify.ErrKey) {
		return claims, place, refused
	}
	other, err := v.other(r.Context(), tokenAt(r, place))
	switch {
	case err != nil:
		return verify.Claims{}, place, err
	case other == nil:
		return claims, place, refused
	}
	if claims, place, err = other.VerifyRequest(r); err == nil && claims.SessionID() == "" && other != v.powers {
		return verify.Claims{}, place, refused // issued to a service, for another service
	}
	return claims, place, err
}

// tokenAt returns the token at the position where a verifier found it.
func tokenAt(r *http.Request, place verify.Place) string {
	if place == verify.Header() {
		_, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		return strings.Trim(text, " ")
	}
	if cookie, err := r.Cookie(api.AccessCookie); err == nil {
		return cookie.Value
	}
	return ""
}

// other returns the verifier for the audience of a token that this issuer signed. It returns
// nil for any other token, for an audience without tokens, and for audiences with encrypted
// tokens, which only their service can read.
func (v *Verifiers) other(ctx context.Context, raw string) (*verify.Verifier, error) {
	now := v.Now()
	audience, err := v.reader.Audience(ctx, raw, now)
	if err != nil {
		return nil, nil
	}
	if audience == v.Tokens.Self() {
		return v.powers, nil
	}
	recipient, err := v.Tokens.Recipient(ctx, audience, now)
	switch {
	case errors.Is(err, token.ErrAudience), errors.Is(err, token.ErrNoEncryptionKey), err == nil && recipient.Encrypted():
		return nil, nil
	case err != nil:
		return nil, err
	}
	return v.forOther(ctx, service{audience, recipient.Profile()})
}

func (v *Verifiers) forOther(ctx context.Context, s service) (*verify.Verifier, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if found := v.others[s]; found != nil {
		return found, nil
	}
	made, err := v.make(ctx, s, -1)
	if err != nil {
		return nil, err
	}
	if err := v.handOver(made); err != nil {
		return nil, err
	}
	if len(v.others) >= maxForOthers {
		clear(v.others)
	}
	v.others[s] = made
	return made, nil
}
