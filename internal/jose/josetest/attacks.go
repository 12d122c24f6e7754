// Package josetest holds the known attacks on JSON Web Tokens as a table, for
// the tests of whatever accepts tokens: the guard, the issuer's own verifier,
// and the HTTP API. Every token that it makes must be refused.
package josetest

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/jose"
)

// Target is whom to attack.
type Target struct {
	// Signer is the target's signing key, an ES256 key, with which every attack
	// begins whose signature is good; for all others its public half is enough.
	Signer jose.Key
	// Claims of a token that the target accepts at Now. They are changed for
	// some attacks, and must hold iss, sub, aud and exp.
	Claims map[string]any
	// Type is the "typ" that the target wants.
	Type string
	Now  time.Time
}

// Attack is one variant.
type Attack struct {
	Name string
	// Make returns the token. It may be megabytes long, and need not be text
	// that fits into a header.
	Make func(testing.TB, Target) string
	// Claims says that header and signature are good: what must be refused is
	// what the token says. A guard that does not look at claims accepts it.
	Claims bool
}

// m is a JSON object.
type m = map[string]any

// Good returns a token that the target accepts: the control of every attack.
func Good(t testing.TB, target Target) string {
	t.Helper()
	return target.sign(t, target.header(nil), target.payload(t, nil))
}

// header returns the target's header with changes; nil removes a member.
func (target Target) header(changes m) string {
	return object(m{"alg": "ES256", "kid": target.Signer.Kid(), "typ": target.Type}, changes)
}

func (target Target) payload(t testing.TB, changes m) string {
	t.Helper()
	return object(target.Claims, changes)
}

func object(base, changes m) string {
	all := maps.Clone(base)
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // a mistake in the table
	}
	return string(text)
}

// sign makes a token with a good signature over any text.
func (target Target) sign(t testing.TB, header, payload string) string {
	t.Helper()
	return signWith(t, target.Signer, header, payload)
}

func signWith(t testing.TB, k jose.Key, header, payload string) string {
	t.Helper()
	return signInput(t, k, jose.Encode([]byte(header))+"."+jose.Encode([]byte(payload)))
}

func signInput(t testing.TB, k jose.Key, input string) string {
	t.Helper()
	signature, err := k.Sign(input)
	if err != nil {
		t.Fatalf("sign: %v", err)
	}
	return input + "." + jose.Encode(signature)
}

// generate makes a key of the attacker's.
func generate(t testing.TB, a jose.Algorithm) jose.Key {
	t.Helper()
	k, err := jose.Generate(a)
	if err != nil {
		t.Fatalf("generate %s: %v", a, err)
	}
	return k
}

// Attacks returns the table.
func Attacks() []Attack {
	var all []Attack
	for _, part := range [][]Attack{
		unsigned(), confused(), carriedKeys(), keyNames(), broken(), respelled(), headers(), bombs(), encrypted(), claims(),
	} {
		all = append(all, part...)
	}
	return all
}
