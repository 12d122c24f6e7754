package verify_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	gojose "github.com/go-jose/go-jose/v4"
	gojwt "github.com/go-jose/go-jose/v4/jwt"
	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwt"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"math/big"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify"
)

// benchSecret is the HMAC secret of the benchmarks.
const benchSecret = "0123456789abcdef0123456789abcdef"

// benched is one algorithm with a token, a verifier, and the bare primitive on
// the same bytes.
type benched struct {
	config verify.Config
	token  string
	key    any // for the peers
	bare   func() bool
}

func newBenched(b testing.TB, a jose.Algorithm) benched {
	b.Helper()
	k := generate(b, a)
	if a == jose.HS256 {
		var err error
		if k, err = jose.NewKey(a, []byte(benchSecret)); err != nil {
			b.Fatal(err)
		}
	}
	now := time.Now().Unix()
	x := benched{token: sign(b, k, claims(m{"iat": now, "nbf": now, "exp": now + 3600}), nil)}
	x.config = verify.Config{Issuer: issuer, Audience: audience}
	if a.Symmetric() {
		x.config.Secret = verify.Secret(benchSecret)
		x.key = []byte(benchSecret)
	} else {
		x.config.KeySet = keySet(k)
		x.key = k.CryptoPublic()
	}
	cut := strings.LastIndexByte(x.token, '.')
	signature, err := jose.Decode(x.token[cut+1:])
	if err != nil {
		b.Fatal(err)
	}
	x.bare = primitive(a, x.key, []byte(x.token[:cut]), signature)
	return x
}

// primitive is crypto/* and nothing else: the input is bytes already, and the
// signature is decoded and in the form that the package wants.
func primitive(a jose.Algorithm, key any, input, signature []byte) func() bool {
	sum := func() []byte { h := crypto.SHA256.New(); h.Write(input); return h.Sum(nil) }
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		der := toDER(signature)
		return func() bool { return ecdsa.VerifyASN1(key, sum(), der) }
	case ed25519.PublicKey:
		return func() bool { return ed25519.Verify(key, input, signature) }
	case *rsa.PublicKey:
		if a == jose.PS256 {
			o := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			return func() bool { return rsa.VerifyPSS(key, crypto.SHA256, sum(), signature, o) == nil }
		}
		return func() bool { return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum(), signature) == nil }
	}
	return func() bool {
		mac := hmac.New(crypto.SHA256.New, []byte(benchSecret))
		mac.Write(input)
		return hmac.Equal(mac.Sum(nil), signature)
	}
}

func toDER(signature []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(new(big.Int).SetBytes(signature[:32]))
		b.AddASN1BigInt(new(big.Int).SetBytes(signature[32:]))
	})
	return b.BytesOrPanic()
}

// BenchmarkUncached has bare crypto and three libraries beside it, each with
// the checks that it makes of issuer, audience and times. "x-bare" compares the
// best of many turns, so that a busy machine slows both down alike.
func BenchmarkUncached(b *testing.B) {
	for _, a := range []jose.Algorithm{jose.ES256, jose.EdDSA, jose.RS256, jose.PS256, jose.HS256} {
		b.Run(string(a), func(b *testing.B) {
			x := newBenched(b, a)
			x.config.CacheEntries = -1
			v := open(b, x.config)
			ours := func() bool { _, err := v.Verify(b.Context(), x.token); return err == nil }
			alone(b, "portaria", ours)
			alone(b, "bare", x.bare)
			alone(b, "golang-jwt", x.golangJWT(a))
			alone(b, "go-jose", x.goJose(a))
			alone(b, "jwx", x.jwx(b, a))
			b.Run("ratio", func(b *testing.B) {
				best := [2]time.Duration{time.Hour, time.Hour}
				for b.Loop() {
					for i, f := range []func() bool{ours, x.bare} {
						began := time.Now()
						f()
						best[i] = min(best[i], time.Since(began))
					}
				}
				b.ReportMetric(float64(best[0])/float64(best[1]), "x-bare")
			})
		})
	}
}

func alone(b *testing.B, name string, f func() bool) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !f() {
				b.Fatal("refused")
			}
		}
	})
}

func (x benched) golangJWT(a jose.Algorithm) func() bool {
	parser := golangjwt.NewParser(golangjwt.WithValidMethods([]string{string(a)}), golangjwt.WithIssuer(issuer),
		golangjwt.WithAudience(audience), golangjwt.WithExpirationRequired())
	return func() bool {
		_, err := parser.ParseWithClaims(x.token, &golangjwt.RegisteredClaims{}, func(*golangjwt.Token) (any, error) { return x.key, nil })
		return err == nil
	}
}

func (x benched) goJose(a jose.Algorithm) func() bool {
	return func() bool {
		token, err := gojwt.ParseSigned(x.token, []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(a)})
		if err != nil {
			return false
		}
		var c gojwt.Claims
		return token.Claims(x.key, &c) == nil && c.Validate(gojwt.Expected{Issuer: issuer, AnyAudience: gojwt.Audience{audience}}) == nil
	}
}

func (x benched) jwx(b *testing.B, a jose.Algorithm) func() bool {
	alg, ok := jwa.LookupSignatureAlgorithm(string(a))
	if !ok {
		b.Fatal("unknown to jwx")
	}
	return func() bool {
		_, err := jwt.Parse([]byte(x.token), jwt.WithKey(alg, x.key), jwt.WithIssuer(issuer), jwt.WithAudience(audience))
		return err == nil
	}
}

// crowd is many distinct tokens that a verifier has seen, in one memory.
type crowd struct {
	v      *verify.Verifier
	tokens []byte
	size   int
	// bytes of heap that an entry of the cache takes.
	perEntry float64
}

func newCrowd(b testing.TB, n int) crowd {
	b.Helper()
	k := generate(b, jose.EdDSA) // the one that signs fastest
	now := time.Now().Unix()
	c := crowd{v: open(b, verify.Config{Issuer: issuer, Audience: audience, KeySet: keySet(k), CacheEntries: 2 * n, CacheBytes: 1 << 30})}
	make := func(i int) string {
		return sign(b, k, fmt.Sprintf(`{"iss":%q,"sub":"7e1a7c5e-9f0b-4f0e-8d68-0d1f%08x","aud":%q,"iat":%d,"nbf":%d,"exp":%d,"jti":"Zm9vYmFyYmF6cXV4MTIzNA",`+
			`"client_id":"portaria","sid":"7e1a7c5e-9f0b-4f0e-8d68-0d1f1c9c2a11","scope":"account orders:read","auth_time":%d,"amr":["pwd"],"fresh":true,"rvs":41}`,
			issuer, i, audience, now, now, now+36000, now), nil)
	}
	c.size = len(make(0))
	for i := range n {
		c.tokens = append(c.tokens, make(i)...)
	}
	before := heap()
	for i := range n {
		if _, err := c.v.Verify(b.Context(), c.token(i)); err != nil {
			b.Fatal(err)
		}
	}
	c.perEntry = float64(heap()-before) / float64(n)
	return c
}

func heap() uint64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// token is a fresh buffer, as each request has one.
func (c crowd) token(i int) string { return string(c.tokens[i*c.size : (i+1)*c.size]) }

// BenchmarkCached asks for tokens at random, each in a buffer that it was just
// copied into, as a request brings it. "ns/verify" is without that copying, the median
// of batches of 32.
func BenchmarkCached(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := newCrowd(b, n)
			var buffers [32]string // as much as the nearest cache holds
			memory := make([]byte, len(buffers)*c.size)
			for i := range buffers {
				buffers[i] = unsafe.String(&memory[i*c.size], c.size)
			}
			ctx := b.Context()
			b.Run("verify", func(b *testing.B) {
				b.ReportAllocs()
				var took []time.Duration
				for b.Loop() {
					for i := range buffers {
						at := rand.IntN(n) * c.size
						copy(memory[i*c.size:(i+1)*c.size], c.tokens[at:at+c.size])
					}
					began := time.Now()
					for _, token := range buffers {
						if _, err := c.v.Verify(ctx, token); err != nil {
							b.Fatal(err)
						}
					}
					took = append(took, time.Since(began))
				}
				slices.Sort(took) // the mean would be that of the interruptions
				b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/float64(len(buffers)), "ns/verify")
				b.ReportMetric(c.perEntry, "B/entry")
			})
		})
	}
}

// BenchmarkForged mixes one forged token among 99 good ones that are cached.
// "x-own" is what a round takes, beside what its good tokens and its forged one
// take by themselves: a forged token costs its own crypto and nothing more.
func BenchmarkForged(b *testing.B) {
	c := newCrowd(b, 1_000)
	good := make([]string, 99)
	for i := range good {
		good[i] = c.token(i)
	}
	// Each another one, so that nothing can be remembered of it.
	forge := func(i int) string {
		token := []byte(c.token(i % 1_000))
		copy(token[len(token)-40:], fmt.Sprintf("%032d", i))
		return string(token)
	}
	ask := func(token string, want bool) {
		if _, err := c.v.Verify(b.Context(), token); (err == nil) != want {
			b.Fatalf("accepted is not %v: %v", want, err)
		}
	}
	took := func(f func()) time.Duration { began := time.Now(); f(); return time.Since(began) }
	var alone, mixed []time.Duration
	n := 0
	for b.Loop() {
		n++
		first, second := forge(2*n), forge(2*n+1)
		alone = append(alone, took(func() {
			for _, token := range good {
				ask(token, true)
			}
		})+took(func() { ask(first, false) }))
		mixed = append(mixed, took(func() {
			for i, token := range good {
				if i == n%len(good) {
					ask(second, false)
				}
				ask(token, true)
			}
		}))
	}
	slices.Sort(alone)
	slices.Sort(mixed)
	b.ReportMetric(float64(mixed[len(mixed)/2])/float64(alone[len(alone)/2]), "x-own")
	b.ReportMetric(float64(mixed[len(mixed)/2].Nanoseconds())/100, "ns/verify")
}

// BenchmarkCachedParallel is to be run with -cpu 1,2.
func BenchmarkCachedParallel(b *testing.B) {
	const n = 10_000
	c := newCrowd(b, n)
	tokens := make([]string, n)
	for i := range tokens {
		tokens[i] = c.token(i)
	}
	ctx := b.Context()
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for i := rand.IntN(n); p.Next(); i = (i + 7919) % n {
			if _, err := c.v.Verify(ctx, tokens[i]); err != nil {
				b.Error(err)
			}
		}
	})
}
