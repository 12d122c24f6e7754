package jose

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"

	"github.com/portaria/portaria/internal/strictjson"
)

// ParseJWK reads a JWK (RFC 7517), public or private, strictly: JSON without duplicate
// names, canonical base64url, numbers of full length, and "use" and "key_ops" as they say.
//
// The algorithm is the "alg" member, or follows from the curve of a key that signs. Any
// other key without "alg" is rejected, see [ParseJWKAs]. A content encryption as "alg", as
// in RFC 7520, section 5.6, means that the key is used with [Dir]. Without "kid", the
// thumbprint is the kid. Errors wrap ErrKey, ErrJSON, ErrMalformed or ErrAlgorithm.
func ParseJWK(data []byte) (Key, error) { return ParseJWKAs(data, "") }

// ParseJWKAs is [ParseJWK] for a key that may omit its algorithm. If it has one, it must be
// this one.
func ParseJWKAs(data []byte, a Algorithm) (Key, error) {
	if len(data) > MaxKey {
		return Key{}, fmt.Errorf("%w: longer than %d bytes", ErrKey, MaxKey)
	}
	object, err := strictjson.Parse(data)
	if err != nil {
		return Key{}, err
	}
	r := jwkReader{object: object}
	alg := r.algorithm(a)
	material := r.material()
	if r.err != nil {
		return Key{}, r.err
	}
	k, err := NewKey(alg, material)
	if err != nil {
		return Key{}, err
	}
	return r.finish(k)
}

// finish gives a key its restrictions and its kid.
func (r *jwkReader) finish(k Key) (Key, error) {
	r.restrict(&k)
	kid := r.text("kid")
	if r.err != nil {
		return Key{}, r.err
	}
	if kid == "" {
		return k, nil
	}
	return k.WithKid(kid)
}

// jwkReader reads members and keeps the first error.
type jwkReader struct {
	object strictjson.Object
	err    error
}

func (r *jwkReader) refuse(why string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrKey, why)
	}
}

// text returns a string member, empty when absent.
func (r *jwkReader) text(name string) string {
	v, ok := r.object.Get(name)
	if !ok {
		return ""
	}
	text, err := v.Text()
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("read %s of key: %w", name, err)
	}
	return text
}

// bytes returns a base64url member, nil when absent.
func (r *jwkReader) bytes(name string) []byte {
	text := r.text(name)
	if text == "" {
		return nil
	}
	data, err := Decode(text)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("read %s of key: %w", name, err)
	}
	return data
}

// number returns a base64url member that is a number. Some issuers write one zero byte
// before it, as in a signed number; RFC 7518 has none.
func (r *jwkReader) number(name string) []byte {
	data := r.bytes(name)
	if len(data) > 1 && data[0] == 0 {
		data = data[1:]
	}
	if len(data) == 0 || data[0] == 0 {
		return nil
	}
	return data
}

// fixed returns a base64url member of exactly this length.
func (r *jwkReader) fixed(name string, size int) []byte {
	data := r.bytes(name)
	if len(data) != size {
		r.refuse(name + " has a wrong length")
		return make([]byte, size)
	}
	return data
}

func (r *jwkReader) algorithm(want Algorithm) Algorithm {
	name := AlgorithmOf(r.text("alg"))
	direct := want == Dir && name.scheme().direct
	switch {
	case name != "" && want != "" && name != want && !direct:
		r.refuse("the key is for another algorithm")
	case name != "":
		return name
	case want != "":
		return want
	}
	if natural := naturalAlgorithm(r.text("crv")); natural != "" && r.text("use") != forEncryption {
		return natural
	}
	r.refuse("the key does not name its algorithm")
	return ""
}

// naturalAlgorithm returns the algorithm with which keys on this curve sign.
func naturalAlgorithm(crv string) Algorithm {
	switch crv {
	case "P-256":
		return ES256
	case "P-384":
		return ES384
	case "P-521":
		return ES512
	case "Ed25519":
		return EdDSA
	}
	return ""
}

// material returns the key as a type of crypto/*.
func (r *jwkReader) material() any {
	switch r.text("kty") {
	case "EC":
		return r.ec()
	case "OKP":
		return r.okp()
	case "RSA":
		return r.rsa()
	case "oct":
		if secret := r.bytes("k"); secret != nil {
			return secret
		}
	}
	r.refuse("the kty is not supported, or its members are missing")
	return nil
}

func (r *jwkReader) ec() any {
	c := curve(r.text("crv"))
	if c == nil {
		r.refuse("the curve is too small or not supported")
		return nil
	}
	size := (c.Params().BitSize + 7) / 8
	point := slices.Concat([]byte{4}, r.fixed("x", size), r.fixed("y", size))
	public, err := ecdsa.ParseUncompressedPublicKey(c, point)
	if err != nil {
		r.refuse("the point is not on its curve")
		return nil
	}
	if _, ok := r.object.Get("d"); !ok {
		return public
	}
	private, err := ecdsa.ParseRawPrivateKey(c, r.fixed("d", size))
	if err != nil || !private.PublicKey.Equal(public) {
		r.refuse("the private and the public half do not match")
		return nil
	}
	return private
}

func (r *jwkReader) okp() any {
	if r.text("crv") != "Ed25519" {
		r.refuse("the curve is too small or not supported")
		return nil
	}
	public := ed25519.PublicKey(r.fixed("x", ed25519.PublicKeySize))
	if _, ok := r.object.Get("d"); !ok {
		return public
	}
	private := ed25519.NewKeyFromSeed(r.fixed("d", ed25519.SeedSize))
	if !public.Equal(private.Public()) {
		r.refuse("the private and the public half do not match")
	}
	return private
}

func (r *jwkReader) rsa() any {
	n, e := r.number("n"), r.number("e")
	if len(n) == 0 || len(e) == 0 || len(e) > 4 || len(n) > maxRSA/8 {
		r.refuse("the RSA modulus or exponent is out of range")
		return nil
	}
	public := rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	if _, ok := r.object.Get("d"); !ok {
		return &public
	}
	d, p, q := r.number("d"), r.number("p"), r.number("q")
	if len(d) > len(n) || len(p) == 0 || len(q) == 0 || len(p) > len(n) || len(q) > len(n) {
		r.refuse("the two primes of the RSA private key are missing")
		return nil
	}
	private := &rsa.PrivateKey{PublicKey: public, D: new(big.Int).SetBytes(d),
		Primes: []*big.Int{new(big.Int).SetBytes(p), new(big.Int).SetBytes(q)}}
	private.Precompute()
	return private
}

// restrict limits the key to what "use" and "key_ops" allow.
func (r *jwkReader) restrict(k *Key) {
	if use := r.text("use"); use != "" && use != k.alg.scheme().use {
		r.refuse("the use does not fit the algorithm")
	}
	v, ok := r.object.Get("key_ops")
	if !ok {
		return
	}
	ops, err := v.Texts()
	if err != nil {
		r.refuse("key_ops is not an array of strings")
	}
	for i, op := range ops {
		if slices.Contains(ops[:i], op) {
			r.refuse("key_ops has duplicates")
		}
	}
	k.allow(ops)
	if !k.checks && !k.signs && !k.wraps && !k.unwraps {
		r.refuse("the key_ops do not fit the algorithm")
	}
}

// allow removes what is not among the operations. key_ops of a private key name what the
// private half does; its public half still does the reverse.
func (k *Key) allow(ops []string) {
	among := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(ops, name) })
	}
	pair := k.public != nil && k.private != nil
	signs, agrees := among("sign"), k.alg.scheme().kty == "EC" && among("deriveKey", "deriveBits")
	unwraps := agrees || among("unwrapKey", "decrypt")
	k.checks = k.checks && (among("verify") || signs && pair)
	k.signs = k.signs && signs
	k.wraps = k.wraps && (agrees || among("wrapKey", "encrypt") || unwraps && pair)
	k.unwraps = k.unwraps && unwraps
}

// PublicJWK returns the public half as a JWK with kid, use and alg, members in
// alphabetical order. A symmetric key has none: the result is nil.
func (k Key) PublicJWK() []byte {
	if k.public == nil {
		return nil
	}
	return k.jwk(nil)
}

// RevealJWK returns the whole key as a JWK, private half and all, for sealing
// or for handing to its owner.
func (k Key) RevealJWK() []byte { return k.jwk(k.privateMembers()) }

func (k Key) jwk(secret map[string]string) []byte {
	members := k.required()
	for name, value := range secret {
		members[name] = value
	}
	members["alg"], members["kid"], members["use"] = string(k.alg), k.kid, k.alg.scheme().use
	return orderedJSON(members)
}

// required returns the members that make up the thumbprint (RFC 7638,
// section 3.2), all but the value of a secret being public.
func (k Key) required() map[string]string {
	s := k.alg.scheme()
	members := map[string]string{"kty": s.kty}
	switch p := k.public.(type) {
	case *ecdsa.PublicKey:
		point, err := p.Bytes()
		if err != nil {
			return nil // checked by NewKey
		}
		members["crv"] = p.Params().Name
		half := len(point) / 2
		members["x"], members["y"] = Encode(point[1:1+half]), Encode(point[1+half:])
	case ed25519.PublicKey:
		members["crv"], members["x"] = s.crv, Encode(p)
	case *rsa.PublicKey:
		members["n"], members["e"] = Encode(p.N.Bytes()), Encode(big.NewInt(int64(p.E)).Bytes())
	case nil:
		secret, _ := k.private.([]byte)
		members["k"] = Encode(secret)
	}
	return members
}

func (k Key) privateMembers() map[string]string {
	switch p := k.private.(type) {
	case *ecdsa.PrivateKey:
		d, err := p.Bytes()
		if err != nil {
			return nil // checked by NewKey
		}
		return map[string]string{"d": Encode(d)}
	case ed25519.PrivateKey:
		return map[string]string{"d": Encode(p.Seed())}
	case *rsa.PrivateKey:
		p.Precompute()
		return map[string]string{
			"d": Encode(p.D.Bytes()), "p": Encode(p.Primes[0].Bytes()), "q": Encode(p.Primes[1].Bytes()),
			"dp": Encode(p.Precomputed.Dp.Bytes()), "dq": Encode(p.Precomputed.Dq.Bytes()),
			"qi": Encode(p.Precomputed.Qinv.Bytes()),
		}
	}
	return nil
}

// Thumbprint returns the RFC 7638 thumbprint with SHA-256, as base64url.
// For a secret it is computed over the secret itself: 256 bits that are not
// random would be recognised by it.
func (k Key) Thumbprint() string {
	if k.alg == "" {
		return ""
	}
	sum := sha256.Sum256(orderedJSON(k.required()))
	return Encode(sum[:])
}

// orderedJSON writes an object of strings with its names in alphabetical
// order and without spaces, as RFC 7638 wants it.
func orderedJSON(members map[string]string) []byte {
	out, err := json.Marshal(members)
	if err != nil {
		return nil // strings always marshal
	}
	return out
}
