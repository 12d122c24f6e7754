package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"strings"
	"testing"
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
