package jose_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/jose"
)

// TestWeakKeysAreRefusedWithTheReason.
func TestWeakKeysAreRefusedWithTheReason(t *testing.T) {
	good := generate(t, jose.RS256).CryptoPublic().(*rsa.PublicKey)
	n := func(change func(*big.Int) *big.Int) *big.Int { return change(new(big.Int).Set(good.N)) }
	p224, err := ecdsa.GenerateKey(elliptic.P224(), nil)
	if err != nil {
		t.Fatal(err)
	}
	point := func(text string) ed25519.PublicKey { return must(hex.DecodeString(text)) }
	for _, test := range []struct {
		alg      jose.Algorithm
		material any
		reason   string
	}{
		{jose.RS256, &rsa.PublicKey{N: n(func(i *big.Int) *big.Int { return i.Rsh(i, 1025) }), E: 65537}, "2048 to 4096 bits"},
		{jose.RSAOAEP, &rsa.PublicKey{N: n(func(i *big.Int) *big.Int { return i.Lsh(i, 1025) }), E: 65537}, "2048 to 4096 bits"},
		{jose.RS256, &rsa.PublicKey{E: 65537}, "2048 to 4096 bits"},
		{jose.RS256, &rsa.PublicKey{N: good.N, E: 1}, "exponent"},
		{jose.RS256, &rsa.PublicKey{N: good.N, E: 65536}, "exponent"},
		{jose.RS256, &rsa.PublicKey{N: good.N, E: -3}, "exponent"},
		{jose.RS256, &rsa.PublicKey{N: n(func(i *big.Int) *big.Int { return i.SetBit(i, 0, 0) }), E: 65537}, "modulus is even"},
		{jose.ES256, &p224.PublicKey, "curve"},
		{jose.HS256, make([]byte, 31), "fewer than the hash"},
		{jose.HS512, make([]byte, 63), "fewer than the hash"},
		{jose.A256KW, make([]byte, 31), "requires 32"},
		{jose.A256KW, make([]byte, 33), "requires 32"},
		{jose.Dir, make([]byte, 33), "not allowed"},
		{jose.EdDSA, point(strings.Repeat("00", 32)), "low order"},
		{jose.EdDSA, point(strings.Repeat("00", 31) + "80"), "low order"},
		{jose.EdDSA, point("01" + strings.Repeat("00", 31)), "low order"},
		{jose.EdDSA, point("ec" + strings.Repeat("ff", 30) + "7f"), "low order"},
		{jose.EdDSA, point("ed" + strings.Repeat("ff", 31)), "low order"},
		{jose.EdDSA, point("ee" + strings.Repeat("ff", 30) + "7f"), "low order"},
		{jose.EdDSA, point("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "low order"},
		{jose.EdDSA, point("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"), "low order"},
		{jose.EdDSA, ed25519.PublicKey{1}, "length"},
	} {
		_, err := jose.NewKey(test.alg, test.material)
		if err == nil || !strings.Contains(err.Error(), test.reason) || !errors.Is(err, jose.ErrKey) && !errors.Is(err, jose.ErrAlgorithm) {
			t.Errorf("%s: %v, want %q", test.alg, err, test.reason)
		}
	}
}

// TestLowOrderPointsAreAThreat: why they are refused. The neutral element
// "verifies" this signature over any message.
func TestLowOrderPointsAreAThreat(t *testing.T) {
	neutral := append([]byte{1}, make([]byte, 31)...)
	signature := append(append([]byte{}, neutral...), make([]byte, 32)...)
	if !ed25519.Verify(neutral, []byte("any"), signature) || !ed25519.Verify(neutral, []byte("message"), signature) {
		t.Error("no threat any more")
	}
}

// TestROCA has the key of Wycheproof's case 7, and says why it is refused.
func TestROCA(t *testing.T) {
	for _, g := range readGroups(t, "key") {
		if g.Comment != "jws_rsa_roca_key" {
			continue
		}
		if _, err := jose.ParseKeySet(g.Public); err == nil || !strings.Contains(err.Error(), "ROCA") {
			t.Errorf("%v, want ROCA", err)
		}
		var published struct{ Keys []map[string]string }
		if err := json.Unmarshal(g.Public, &published); err != nil {
			t.Fatal(err)
		}
		// The same modulus but for its fingerprint.
		n := new(big.Int).SetBytes(must(jose.Decode(published.Keys[0]["n"])))
		if _, err := jose.NewKey(jose.RS256, &rsa.PublicKey{N: n.Add(n, big.NewInt(2)), E: 65537}); err != nil {
			t.Errorf("without the fingerprint: %v", err)
		}
		return
	}
	t.Error("no such vector")
}

// TestClosePrimes makes keys whose primes differ by little, as broken devices
// did (CVE-2022-26320): the private key follows from the public one.
func TestClosePrimes(t *testing.T) {
	for what, bits := range map[string]int{"2048 bits": 1024, "3072 bits": 1536} {
		p := must(rand.Prime(rand.Reader, bits))
		q := new(big.Int).Add(p, big.NewInt(2))
		for !q.ProbablyPrime(20) {
			q.Add(q, big.NewInt(2))
		}
		for name, n := range map[string]*big.Int{"next prime": new(big.Int).Mul(p, q), "one prime twice": new(big.Int).Mul(p, p), "a hundredth step": hundredth(p)} {
			_, err := jose.NewKey(jose.RS256, &rsa.PublicKey{N: n, E: 65537})
			if !errors.Is(err, jose.ErrKey) || !strings.Contains(err.Error(), "too close") {
				t.Errorf("%s, %s: %v", what, name, err)
			}
			jwk := `{"kty":"RSA","kid":"weak","alg":"RS256","e":"AQAB","n":"` + jose.Encode(n.Bytes()) + `"}`
			if _, err := jose.ParseKeySet([]byte(jwk)); err == nil || !strings.Contains(err.Error(), "too close") {
				t.Errorf("%s, %s as JWK: %v", what, name, err)
			}
		}
	}
}

// hundredth returns a modulus that the hundredth step of Fermat's method, and no
// earlier one, factors: (a-d)(a+d) with d*d just below 100 steps of 2a.
func hundredth(p *big.Int) *big.Int {
	a := new(big.Int).SetBit(p, 0, 0)
	d := new(big.Int).Sqrt(new(big.Int).Mul(a, big.NewInt(199)))
	if d.Bit(0) == 0 {
		d.Sub(d, big.NewInt(1))
	}
	return new(big.Int).Mul(new(big.Int).Sub(a, d), new(big.Int).Add(a, d))
}

// BenchmarkRSACheck is what the checks of one public RSA key cost. They run once
// for each key that is read, never for a token.
func BenchmarkRSACheck(b *testing.B) {
	public := generate(b, jose.RS256).CryptoPublic()
	for b.Loop() {
		if _, err := jose.NewKey(jose.RS256, public); err != nil {
			b.Fatal(err)
		}
	}
}
