package jose_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/jose"
)

// primitive signs and verifies with crypto/* and nothing else.
type primitive struct {
	sign   func(input []byte) ([]byte, error)
	verify func(input, signature []byte) bool
}

// hashOf is the hash in the name of an algorithm.
func hashOf(a jose.Algorithm) crypto.Hash {
	return map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[string(a[2:])]
}

// primitiveOf returns the primitive with the same key.
func primitiveOf(b *testing.B, k jose.Key) primitive {
	b.Helper()
	hash := hashOf(k.Algorithm())
	sum := func(input []byte) []byte { h := hash.New(); h.Write(input); return h.Sum(nil) }
	switch key := theirs(b, k.RevealJWK()).(type) {
	case []byte:
		mac := func(input []byte) []byte { h := hmac.New(hash.New, key); h.Write(input); return h.Sum(nil) }
		return primitive{
			sign:   func(input []byte) ([]byte, error) { return mac(input), nil },
			verify: func(input, s []byte) bool { return hmac.Equal(mac(input), s) },
		}
	case *ecdsa.PrivateKey:
		return primitive{
			sign:   func(input []byte) ([]byte, error) { return ecdsa.SignASN1(rand.Reader, key, sum(input)) },
			verify: func(input, s []byte) bool { return ecdsa.VerifyASN1(&key.PublicKey, sum(input), s) },
		}
	case ed25519.PrivateKey:
		public := key.Public().(ed25519.PublicKey)
		return primitive{
			sign:   func(input []byte) ([]byte, error) { return ed25519.Sign(key, input), nil },
			verify: func(input, s []byte) bool { return ed25519.Verify(public, input, s) },
		}
	case *rsa.PrivateKey:
		return rsaPrimitive(k.Algorithm(), key, sum)
	}
	b.Fatalf("no primitive for %s", k.Algorithm())
	return primitive{}
}

func rsaPrimitive(a jose.Algorithm, key *rsa.PrivateKey, sum func([]byte) []byte) primitive {
	key.Precompute()
	hash, o := hashOf(a), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
	if a[0] == 'P' {
		return primitive{
			sign:   func(input []byte) ([]byte, error) { return rsa.SignPSS(rand.Reader, key, hash, sum(input), o) },
			verify: func(input, s []byte) bool { return rsa.VerifyPSS(&key.PublicKey, hash, sum(input), s, o) == nil },
		}
	}
	return primitive{
		sign:   func(input []byte) ([]byte, error) { return rsa.SignPKCS1v15(nil, key, hash, sum(input)) },
		verify: func(input, s []byte) bool { return rsa.VerifyPKCS1v15(&key.PublicKey, hash, sum(input), s) == nil },
	}
}

// compare runs ours and bare: each alone for its time and allocations, and both
// in turn for their ratio, so that a busy machine slows both down alike.
func compare(b *testing.B, ours, bare func() bool) {
	b.Helper()
	alone := func(f func() bool) func(*testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !f() {
					b.Fatal("failed")
				}
			}
		}
	}
	b.Run("portaria", alone(ours))
	b.Run("bare", alone(bare))
	b.Run("ratio", func(b *testing.B) {
		best := [2]time.Duration{time.Hour, time.Hour} // an average would be that of the interruptions
		for b.Loop() {
			for i, f := range []func() bool{ours, bare} {
				began := time.Now()
				f()
				best[i] = min(best[i], time.Since(began))
			}
		}
		b.ReportMetric(float64(best[0])/float64(best[1]), "x-bare")
	})
}

// BenchmarkSign signs the input of an access token.
func BenchmarkSign(b *testing.B) {
	for _, a := range jose.SigningAlgorithms() {
		b.Run(string(a), func(b *testing.B) {
			k := generate(b, a)
			compact := benchToken(b, k)
			input := []byte(compact[:strings.LastIndexByte(compact, '.')])
			p := primitiveOf(b, k)
			buffer := make([]byte, 0, 512)
			compare(b,
				func() bool { _, err := k.AppendSign(buffer, input); return err == nil },
				func() bool { _, err := p.sign(input); return err == nil })
		})
	}
}

// BenchmarkVerify takes an access token apart, verifies it and decodes its
// payload; its header is known, as that of all tokens but the first is.
func BenchmarkVerify(b *testing.B) {
	for _, a := range jose.SigningAlgorithms() {
		b.Run(string(a), func(b *testing.B) {
			k := generate(b, a)
			compact := benchToken(b, k)
			p := primitiveOf(b, k)
			input := []byte(compact[:strings.LastIndexByte(compact, '.')])
			signature, err := p.sign(input)
			if err != nil {
				b.Fatal(err)
			}
			buffer := make([]byte, 0, 1024)
			compare(b, func() bool {
				parts, err := jose.Split(compact)
				if err != nil || parts.Verify(k) != nil {
					return false
				}
				_, err = jose.AppendDecode(buffer, parts.Payload)
				return err == nil
			}, func() bool { return p.verify(input, signature) })
		})
	}
}

// benchToken has the size of an access token.
func benchToken(b *testing.B, k jose.Key) string {
	b.Helper()
	return signed(b, k, `{"alg":"`+string(k.Algorithm())+`","kid":"`+k.Kid()+`","typ":"at+jwt"}`,
		`{"iss":"https://id.example","sub":"7e1a7c5e-9f0b-4f0e-8d68-0d1f1c9c2a11","aud":"https://api.example","x":"`+strings.Repeat("x", 200)+`"}`)
}

// BenchmarkEncrypt and decrypt a nested token with the recommended algorithm.
func BenchmarkEncrypt(b *testing.B) {
	k := generate(b, jose.ECDHESA256KW)
	inner := benchToken(b, generate(b, jose.ES256))
	nested, err := k.EncryptNested(inner, "")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encrypt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := k.EncryptNested(inner, ""); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decrypt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decrypt(k, nested); err != nil {
				b.Fatal(err)
			}
		}
	})
}
