package jose_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/portaria/portaria/internal/jose"
)

// TestAgainstGoJose signs here and verifies there, and the reverse, with each
// algorithm and with the key having gone over as a JWK.
func TestAgainstGoJose(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, alg := range jose.SigningAlgorithms() {
		t.Run(string(alg), func(t *testing.T) {
			var ours jose.Key
			if strings.HasPrefix(string(alg), "RS") || strings.HasPrefix(string(alg), "PS") {
				if ours, err = jose.NewKey(alg, rsaKey); err != nil {
					t.Fatal(err)
				}
			} else {
				ours = generate(t, alg)
			}
			var theirs gojose.JSONWebKey
			if err := json.Unmarshal(ours.RevealJWK(), &theirs); err != nil {
				t.Fatal(err)
			}
			theyVerify(t, ours, theirs)
			weVerify(t, ours, theirs)
		})
	}
}

func theyVerify(t *testing.T, ours jose.Key, theirs gojose.JSONWebKey) {
	t.Helper()
	public := theirs.Public().Key
	if ours.Algorithm().Symmetric() {
		public = theirs.Key
	}
	for range 20 { // short numbers come up now and then
		compact := signed(t, ours, `{"alg":"`+string(ours.Algorithm())+`"}`, "hello")
		jws, err := gojose.ParseSignedCompact(compact, []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(ours.Algorithm())})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jws.Verify(public); err != nil {
			t.Errorf("go-jose refuses %s: %v", compact, err)
		}
	}
}

func weVerify(t *testing.T, ours jose.Key, theirs gojose.JSONWebKey) {
	t.Helper()
	signer, err := gojose.NewSigner(gojose.SigningKey{Algorithm: gojose.SignatureAlgorithm(ours.Algorithm()), Key: theirs.Key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := theirs.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	imported, err := jose.ParseJWK(text)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(imported.RevealJWK(), ours.RevealJWK()) {
		t.Errorf("the key came back changed")
	}
	for range 20 {
		jws, err := signer.Sign([]byte("hello"))
		if err != nil {
			t.Fatal(err)
		}
		compact, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := open(imported, compact); err != nil || got != "hello" {
			t.Errorf("we refuse %s: %v", compact, err)
		}
	}
}

func TestSignaturesOfWrongShape(t *testing.T) {
	k := generate(t, jose.ES256)
	good, err := k.Sign("input")
	if err != nil {
		t.Fatal(err)
	}
	order := elliptic.P256().Params().N
	refuse := func(what string, signature []byte) {
		t.Helper()
		if err := k.Verify("input", signature); !errors.Is(err, jose.ErrSignature) {
			t.Errorf("%s: %v, want ErrSignature", what, err)
		}
	}
	refuse("none", nil)
	refuse("zeros", make([]byte, 64))
	refuse("r is zero", append(make([]byte, 32), good[32:]...))
	refuse("s is zero", append(bytes.Clone(good[:32]), make([]byte, 32)...))
	refuse("r is the order", append(order.FillBytes(make([]byte, 32)), good[32:]...))
	refuse("truncated", good[:63])
	refuse("longer", append(bytes.Clone(good), 0))
	refuse("zeros in front", append(make([]byte, 2), good...))
	refuse("zero between the halves", slices.Concat(good[:32], []byte{0}, good[32:]))
	refuse("halves swapped", append(bytes.Clone(good[32:]), good[:32]...))
	refuse("of another input", must(k.Sign("other")))
	refuse("DER", must(ecdsa.SignASN1(rand.Reader, must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), make([]byte, 32))))

	for _, alg := range []jose.Algorithm{jose.EdDSA, jose.HS256} {
		k := generate(t, alg)
		for _, signature := range [][]byte{nil, {}, make([]byte, 32), make([]byte, 64), must(k.Sign("input"))[:31]} {
			if err := k.Verify("input", signature); !errors.Is(err, jose.ErrSignature) {
				t.Errorf("%s, %d bytes: %v, want ErrSignature", alg, len(signature), err)
			}
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestWeakAndForeignKeysAreRefused(t *testing.T) {
	refuse := func(what string, alg jose.Algorithm, material any) {
		t.Helper()
		if _, err := jose.NewKey(alg, material); !errors.Is(err, jose.ErrKey) {
			t.Errorf("%s: %v, want ErrKey", what, err)
		}
	}
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	p256 := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	good := must(rsa.GenerateKey(rand.Reader, 2048))
	modulus := func(bits int) *big.Int {
		n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
		return n.SetBit(n, 0, 1)
	}
	refuse("P-224", jose.ES256, p224)
	refuse("P-256 for ES384", jose.ES384, p256)
	refuse("EC for EdDSA", jose.EdDSA, p256)
	refuse("EC for HS256", jose.HS256, p256)
	//lint:ignore SA1019 what ought not to be built is what must be refused
	refuse("point not on the curve", jose.ES256, &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)})
	refuse("RSA for ES256", jose.ES256, good)
	refuse("RSA 2047", jose.RS256, &rsa.PublicKey{N: modulus(2047), E: 65537})
	refuse("RSA 4097", jose.RS256, &rsa.PublicKey{N: modulus(4097), E: 65537})
	refuse("RSA exponent 1", jose.RS256, &rsa.PublicKey{N: modulus(2048), E: 1})
	refuse("RSA exponent even", jose.RS256, &rsa.PublicKey{N: modulus(2048), E: 65536})
	refuse("RSA modulus even", jose.RS256, &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537})
	refuse("RSA without modulus", jose.RS256, &rsa.PublicKey{E: 65537})
	refuse("RSA inconsistent", jose.RS256, &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: modulus(2048), E: 65537}, D: good.D, Primes: good.Primes})
	refuse("Ed25519 short", jose.EdDSA, ed25519.PublicKey(make([]byte, 31)))
	refuse("Ed25519 private short", jose.EdDSA, ed25519.PrivateKey(make([]byte, 63)))
	refuse("Ed25519 for ES256", jose.ES256, ed25519.PublicKey(make([]byte, 32)))
	refuse("secret for ES256", jose.ES256, make([]byte, 64))
	refuse("secret of 31 bytes", jose.HS256, make([]byte, 31))
	refuse("secret of 47 bytes", jose.HS384, make([]byte, 47))
	refuse("secret of 63 bytes", jose.HS512, make([]byte, 63))
	refuse("nothing", jose.ES256, nil)
	refuse("text", jose.HS256, "secret")
	if _, err := jose.NewKey("none", []byte(nil)); !errors.Is(err, jose.ErrAlgorithm) {
		t.Errorf("none: %v, want ErrAlgorithm", err)
	}
	if _, err := jose.Generate("none"); !errors.Is(err, jose.ErrAlgorithm) {
		t.Errorf("generate none: %v, want ErrAlgorithm", err)
	}
}

func TestKeysStayOutOfTexts(t *testing.T) {
	k := generate(t, jose.ES256)
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "key", k)
	marshalled := must(json.Marshal(k))
	for _, text := range []string{
		fmt.Sprint(k), fmt.Sprintf("%v %+v %#v %s %d %x", k, k, k, k, k, k), k.String(), logged.String(), string(marshalled),
	} {
		if !strings.Contains(text, "[secret]") || strings.Contains(text, k.Kid()) {
			t.Errorf("printed as %s", text)
		}
	}
	if public := generate(t, jose.HS256).PublicJWK(); public != nil {
		t.Errorf("public half of a secret: %s", public)
	}
	if bytes.Contains(k.PublicJWK(), []byte(`"d"`)) || k.Public().Private() {
		t.Error("the public half holds the private one")
	}
}

// A kid that starts with a dash is a flag to every command line. Among so many
// keys some would, by chance alone.
func TestGeneratedKidsAreNoFlags(t *testing.T) {
	for range 600 {
		if kid := generate(t, jose.EdDSA).Kid(); strings.HasPrefix(kid, "-") {
			t.Fatal(kid)
		}
	}
}
