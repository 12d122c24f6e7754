package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/portaria/portaria/internal/jose"
)

// BenchmarkMint has the bare signature over the same bytes beside it.
func BenchmarkMint(b *testing.B) {
	h := newHouse(b)
	minted, _, err := h.issuer.Mint(start, someone())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("portaria", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := h.issuer.Mint(start, someone()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		input := []byte(minted.Reveal()[:strings.LastIndexByte(minted.Reveal(), '.')])
		b.ReportAllocs()
		for b.Loop() {
			sum := sha256.Sum256(input)
			if _, err := ecdsa.SignASN1(rand.Reader, private, sum[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkVerify has the bare verification of the same token and go-jose's
// beside it.
func BenchmarkVerify(b *testing.B) {
	h := newHouse(b)
	minted, _, err := h.issuer.Mint(start, someone())
	if err != nil {
		b.Fatal(err)
	}
	compact := minted.Reveal()
	key, err := h.ring.Active(start)
	if err != nil {
		b.Fatal(err)
	}
	public := key.CryptoPublic().(*ecdsa.PublicKey)
	b.Run("portaria", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := h.Verify(compact, start); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		cut := strings.LastIndexByte(compact, '.')
		signature, err := jose.Decode(compact[cut+1:])
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			sum := sha256.Sum256([]byte(compact[:cut]))
			r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
			if !ecdsa.Verify(public, sum[:], r, s) {
				b.Fatal("bad signature")
			}
		}
	})
	b.Run("go-jose", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			jws, err := gojose.ParseSignedCompact(compact, []gojose.SignatureAlgorithm{gojose.ES256})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := jws.Verify(public); err != nil {
				b.Fatal(err)
			}
		}
	})
}
