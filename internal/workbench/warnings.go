package workbench

import (
	"github.com/portaria/portaria/internal/workbench/keysource"
	"slices"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/strictjson"
)

// headerText returns a text of the header, empty when there is none.
func (i *inspection) headerText(name string) string {
	v, _ := i.header.Get(name)
	text, _ := v.Text()
	return text
}

// judgeHeader warns about weak protection of the token.
func (i *inspection) judgeHeader(parts []string) {
	a := jose.AlgorithmOf(i.headerText("alg"))
	i.judgeAlgorithm(a)
	i.judgeRSA(a, parts)
	for _, name := range []string{"jwk", "jku", "x5u", "x5c"} {
		if _, ok := i.header.Get(name); ok {
			i.warn("%s: a verifier that uses a key from inside the token accepts everybody's tokens", name)
		}
	}
	if _, ok := i.header.Get("crit"); ok {
		i.warn("crit: verifiers that do not know the extension must refuse, and many do not; Portaria refuses")
	}
	if _, ok := i.header.Get("b64"); ok {
		i.warn("b64: some readers decode the payload and others do not (RFC 7797)")
	}
	if _, ok := i.header.Get("zip"); ok {
		i.warn("zip: the length of a compressed token reveals something about its content, and decompressing it can fill the memory")
	}
	if _, ok := i.header.Get("typ"); !ok && len(parts) == 3 {
		i.warn("no typ: a verifier could confuse it with another kind of token")
	}
}

func (i *inspection) judgeAlgorithm(a jose.Algorithm) {
	switch {
	case strings.EqualFold(string(a), "none"):
		i.warn("alg none: nothing protects it; a verifier that accepts it accepts anything")
	case strings.HasPrefix(string(a), "RSA1_5"):
		i.warn("alg RSA1_5: an attacker who can send many tokens to the decrypter can read this one without the key")
	case strings.HasPrefix(string(a), "PBES2"):
		i.warn("alg %s: encrypted with a password, which can be guessed; the token says how long that takes the decrypter", a)
	case !a.Signs() && !a.Encrypts():
		i.warn("alg %q is not one that Portaria accepts", string(a))
	case a.Legacy():
		i.warn("alg %s is legacy: it hashes with SHA-1; use RSA-OAEP-256 or ECDH-ES+A256KW", a)
	case a.Signs() && a.Symmetric():
		i.warn("alg %s", keysource.OnlyHere(a))
	}
}

// judgeRSA derives the size of an RSA key from its signature or encrypted key.
func (i *inspection) judgeRSA(a jose.Algorithm, parts []string) {
	made := ""
	switch {
	case a.Signs() && (a[0] == 'R' || a[0] == 'P') && len(parts) == 3:
		made = parts[2]
	case strings.HasPrefix(string(a), "RSA") && len(parts) == 5:
		made = parts[1]
	default:
		return
	}
	bytes, err := jose.Decode(made)
	if bits := len(bytes) * 8; err == nil && (bits < 2048 || bits > 4096) {
		i.warn("an RSA key of %d bits: under 2048 it can be broken, over 4096 it is slow; Portaria rejects both", bits)
	}
}

// longLived is the lifetime from which on a token should be revocable.
const longLived = 24 * time.Hour

func (i *inspection) judgeTimes(now time.Time) {
	exp, has, err := date(i.claims, "exp")
	iat, made, _ := date(i.claims, "iat")
	nbf, begins, _ := date(i.claims, "nbf")
	switch {
	case err != nil:
		i.warn("exp is not a time in seconds since 1970: verifiers may ignore it")
	case !has:
		i.warn("no exp: it never expires, so a stolen token is valid forever")
	case !now.Before(exp):
		i.warn("it has expired")
	case made && exp.Sub(iat) > longLived:
		i.warn("it lives %s: until then a stolen token is valid, unless verifiers check revocations", between(iat, exp))
	}
	if made && iat.After(now) {
		i.warn("iat is in the future: a clock is wrong, or the time is in milliseconds")
	}
	if begins && nbf.After(now) {
		i.warn("it is not valid yet (nbf)")
	}
}

func (i *inspection) judgeParties() {
	if _, ok := i.claims.Get("iss"); !ok {
		i.warn("no iss: it does not say who made it")
	}
	if _, ok := i.claims.Get("aud"); !ok {
		i.warn("no aud: every service that trusts the key accepts it, also those that it was not meant for")
	}
}

// personal are the names of claims with personal data.
func personal(name string) bool {
	return slices.Contains([]string{
		"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
		"email", "gender", "birthdate", "phone", "phone_number", "address", "cpf", "ssn", "username", "ip",
	}, strings.ToLower(name))
}

// judgePersonal warns about secrets and personal data: a signed token is not
// encrypted.
func (i *inspection) judgePersonal() {
	var found, secret []string
	walk("", i.claims, func(path, name string, v strictjson.Value) {
		text, _ := v.Text()
		before, after, at := strings.Cut(text, "@")
		switch {
		case slices.Contains([]string{"password", "passwd", "secret", "senha", "api_key"}, strings.ToLower(name)):
			secret = append(secret, path)
		case personal(name), at && before != "" && strings.Contains(after, ".") && !strings.ContainsAny(text, " /"):
			found = append(found, path)
		}
	})
	if len(secret) > 0 {
		i.warn("a secret (%s): everybody who sees the token can read it", strings.Join(secret, ", "))
	}
	if len(found) > 0 {
		i.warn("personal data (%s): everybody who sees the token can read it, also in logs and proxies; it is signed, not encrypted", strings.Join(found, ", "))
	}
}

// walk visits every member and element, with its path.
func walk(under string, object strictjson.Object, visit func(path, name string, v strictjson.Value)) {
	for _, m := range object {
		walkValue(under+m.Name, m.Name, m.Value, visit)
	}
}

func walkValue(path, name string, v strictjson.Value, visit func(path, name string, v strictjson.Value)) {
	if inner, err := strictjson.Parse(v); err == nil {
		walk(path+".", inner, visit)
		return
	}
	elements, err := v.Elements()
	if err != nil {
		visit(path, name, v)
		return
	}
	for _, element := range elements {
		walkValue(path, name, element, visit)
	}
}

// Sizes from which on others reject a token.
const (
	cookieLimit = 4096
	usualHeader = 8192
)

func (i *inspection) judgeSize() {
	switch {
	case i.Size >= usualHeader:
		i.warn("%d bytes: more than most servers accept in a header (8 KiB), and more than Portaria reads", i.Size)
	case i.Size >= cookieLimit:
		i.warn("%d bytes: more than a cookie holds (4 KiB)", i.Size)
	}
}
