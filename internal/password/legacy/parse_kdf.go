package legacy

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// readArgon2 reads v=19$PARAMETERS$SALT$DIGEST with parameters in any order.
// Version 16 computes differently and is refused.
func readArgon2(scheme string) func(string) (Hash, error) {
	return func(rest string) (Hash, error) {
		f := strings.Split(rest, "$")
		if len(f) != 4 || f[0] != "v=19" {
			return Hash{}, fmt.Errorf("%w: only version 19 of Argon2 is supported", ErrMalformed)
		}
		h := Hash{scheme: scheme}
		var err error
		if h.cost, err = parameters(f[1], ",", "m", "t", "p"); err != nil {
			return Hash{}, err
		}
		return h.texts(f[2], f[3])
	}
}

// readScryptPHC reads ln=…,r=…,p=…$SALT$DIGEST.
func readScryptPHC(rest string) (Hash, error) {
	f := strings.Split(rest, "$")
	if len(f) != 3 {
		return Hash{}, fmt.Errorf("%w: want parameters, salt and digest", ErrMalformed)
	}
	c, err := parameters(f[0], ",", "ln", "r", "p")
	if err != nil {
		return Hash{}, err
	}
	if c[0], err = power(c[0]); err != nil {
		return Hash{}, err
	}
	return Hash{scheme: "scrypt", cost: c}.texts(f[1], f[2])
}

// power returns 2^log, the N of scrypt.
func power(log uint32) (uint32, error) {
	if log > 31 {
		return 0, fmt.Errorf("%w: N of scrypt is 2^%d", ErrTooCostly, log)
	}
	return 1 << log, nil
}

// readScryptWerkzeug reads N:r:p$SALT$HEX. The salt is text.
func readScryptWerkzeug(rest string) (Hash, error) {
	f := strings.Split(rest, "$")
	if len(f) != 3 {
		return Hash{}, fmt.Errorf("%w: want parameters, salt and digest", ErrMalformed)
	}
	c, err := numbers(strings.Split(f[0], ":"))
	if err != nil {
		return Hash{}, err
	}
	return Hash{scheme: "scrypt", cost: c}.hexDigest(f[1], f[2])
}

// readScryptDjango reads N$SALT$r$p$DIGEST. The salt is text.
func readScryptDjango(rest string) (Hash, error) {
	f := strings.Split(rest, "$")
	if len(f) != 5 {
		return Hash{}, fmt.Errorf("%w: want N, salt, r, p and digest", ErrMalformed)
	}
	c, err := numbers([]string{f[0], f[2], f[3]})
	if err != nil {
		return Hash{}, err
	}
	tag, err := standard(f[4])
	return Hash{scheme: "scrypt", cost: c, salt: []byte(f[1]), tag: tag}, err
}

func numbers(texts []string) (out cost, err error) {
	if len(texts) != len(out) {
		return out, fmt.Errorf("%w: want three parameters", ErrMalformed)
	}
	for i, text := range texts {
		if out[i], err = number(text); err != nil {
			return out, err
		}
	}
	return out, nil
}

// readFirebase reads v=1,n=…,r=…,p=1,ss=SEPARATOR,sk=SIGNERKEY$SALT$DIGEST, the
// form in which Supabase stores Firebase's hashes: n is log2 of N.
func readFirebase(rest string) (Hash, error) {
	f := strings.Split(rest, "$")
	if len(f) != 3 {
		return Hash{}, fmt.Errorf("%w: want parameters, salt and digest", ErrMalformed)
	}
	var numeric []string
	named := map[string]string{}
	for _, pair := range strings.Split(f[0], ",") {
		name, value, _ := strings.Cut(pair, "=")
		if name == "ss" || name == "sk" {
			named[name] = value
		} else if pair != "v=1" {
			numeric = append(numeric, pair)
		}
	}
	c, err := parameters(strings.Join(numeric, ","), ",", "n", "r", "p")
	if err != nil {
		return Hash{}, err
	}
	if c[0], err = power(c[0]); err != nil {
		return Hash{}, err
	}
	h, err := Hash{scheme: "firebase-scrypt", cost: c}.texts(f[1], f[2])
	if err != nil {
		return Hash{}, err
	}
	separator, err := standard(named["ss"])
	if err != nil {
		return Hash{}, err
	}
	h.salt = append(h.salt, separator...)
	h.key, err = standard(named["sk"])
	return h, err
}

// iterated reads ITERATIONS$SALT$DIGEST, the form that the next three have in common.
func iterated(scheme, rest string) (h Hash, salt, tag string, err error) {
	f := strings.Split(rest, "$")
	if len(f) != 3 {
		return Hash{}, "", "", fmt.Errorf("%w: want iterations, salt and digest", ErrMalformed)
	}
	n, err := number(f[0])
	return Hash{scheme: scheme, cost: cost{n}}, f[1], f[2], err
}

// readPBKDF2Passlib reads a salt and a digest in passlib's base64, which has a dot
// for the plus sign.
func readPBKDF2Passlib(scheme string) func(string) (Hash, error) {
	return func(rest string) (Hash, error) {
		h, salt, tag, err := iterated(scheme, strings.ReplaceAll(rest, ".", "+"))
		if err != nil {
			return Hash{}, err
		}
		return h.texts(salt, tag)
	}
}

// readPBKDF2Django reads a salt that is text, and a digest in base64.
func readPBKDF2Django(scheme string) func(string) (Hash, error) {
	return func(rest string) (Hash, error) {
		h, salt, tag, err := iterated(scheme, rest)
		if err != nil {
			return Hash{}, err
		}
		h.salt = []byte(salt)
		h.tag, err = standard(tag)
		return h, err
	}
}

// readPBKDF2Werkzeug reads a salt that is text, and a digest in hexadecimal.
func readPBKDF2Werkzeug(scheme string) func(string) (Hash, error) {
	return func(rest string) (Hash, error) {
		h, salt, tag, err := iterated(scheme, rest)
		if err != nil {
			return Hash{}, err
		}
		return h.hexDigest(salt, tag)
	}
}

// The pseudorandom functions of ASP.NET Core Identity, by their number.
func identityFunctions() []string { return []string{"pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512"} }

// readIdentity reads the base64 of ASP.NET Identity: version 2 is a zero byte,
// 16 bytes of salt and 32 of digest; version 3 is a byte of one, the function,
// the iterations and the length of the salt, then salt and digest.
func readIdentity(text string) (h Hash, ok bool, err error) {
	b, err := base64.StdEncoding.DecodeString(text)
	switch {
	case err != nil || len(b) == 0:
		return Hash{}, false, nil
	case b[0] == 0 && len(b) == 1+16+32:
		return Hash{scheme: "pbkdf2-sha1", cost: cost{1000}, salt: b[1:17], tag: b[17:]}, true, nil
	case b[0] != 1 || len(b) < 13+minTag:
		return Hash{}, false, nil
	}
	function, iterations, size := binary.BigEndian.Uint32(b[1:]), binary.BigEndian.Uint32(b[5:]), binary.BigEndian.Uint32(b[9:])
	rest := b[13:]
	if int64(function) >= int64(len(identityFunctions())) || uint64(size) > uint64(len(rest)) {
		return Hash{}, true, fmt.Errorf("%w: ASP.NET Identity, version 3", ErrMalformed)
	}
	return Hash{scheme: identityFunctions()[function], cost: cost{iterations}, salt: rest[:size], tag: rest[size:]}, true, nil
}

// readKeycloak reads a credential of Keycloak, as a realm export or the database
// has it: secretData and credentialData are JSON inside of strings.
func readKeycloak(text string) (Hash, error) {
	var outer struct{ SecretData, CredentialData string }
	var secret struct{ Value, Salt string }
	var data struct {
		HashIterations       uint32
		Algorithm            string
		AdditionalParameters map[string][]string
	}
	for _, part := range []struct {
		text func() string
		into any
	}{{func() string { return text }, &outer}, {func() string { return outer.SecretData }, &secret}, {func() string { return outer.CredentialData }, &data}} {
		if err := json.Unmarshal([]byte(part.text()), part.into); err != nil {
			return Hash{}, fmt.Errorf("%w: not a credential of Keycloak", ErrMalformed)
		}
	}
	h := Hash{scheme: data.Algorithm, cost: cost{data.HashIterations}}
	switch data.Algorithm {
	case "pbkdf2":
		h.scheme = "pbkdf2-sha1"
	case "pbkdf2-sha256", "pbkdf2-sha512":
	case "argon2":
		var err error
		if h, err = keycloakArgon2(data.HashIterations, data.AdditionalParameters); err != nil {
			return Hash{}, err
		}
	default:
		return Hash{}, fmt.Errorf("%w: algorithm of Keycloak", ErrUnknown)
	}
	return h.texts(secret.Salt, secret.Value)
}

func keycloakArgon2(passes uint32, more map[string][]string) (Hash, error) {
	one := func(name string) string {
		if len(more[name]) != 1 {
			return ""
		}
		return more[name][0]
	}
	if one("version") != "1.3" {
		return Hash{}, fmt.Errorf("%w: only version 19 of Argon2 is supported", ErrMalformed)
	}
	memory, err := number(one("memory"))
	if err != nil {
		return Hash{}, err
	}
	lanes, err := number(one("parallelism"))
	if err != nil {
		return Hash{}, err
	}
	scheme := "argon2" + one("type")
	if scheme != "argon2i" && scheme != "argon2d" && scheme != "argon2id" {
		return Hash{}, fmt.Errorf("%w: type of Argon2", ErrMalformed)
	}
	return Hash{scheme: scheme, cost: cost{memory, passes, lanes}}, nil
}

// ldapReaders read RFC 2307's {SCHEME}: the base64 of the digest. {SSCHEME} has
// the salt after the digest.
func ldapReaders() []reader {
	var list []reader
	for prefix, name := range map[string]string{"MD5": "md5", "SHA": "sha1", "SHA256": "sha256", "SHA512": "sha512"} {
		list = append(list, reader{"{" + prefix + "}", func(rest string) (Hash, error) {
			tag, err := standard(rest)
			return Hash{scheme: name, tag: tag}, err
		}}, reader{"{S" + prefix + "}", readSalted(name)})
	}
	return list
}

func readSalted(name string) func(string) (Hash, error) {
	return func(rest string) (Hash, error) {
		b, err := standard(rest)
		size := digests()[name]().Size()
		if err == nil && len(b) <= size {
			err = fmt.Errorf("%w: it has no salt", ErrMalformed)
		}
		if err != nil {
			return Hash{}, err
		}
		return Hash{scheme: name + saltLast, salt: b[size:], tag: b[:size]}, nil
	}
}

// texts reads a salt and a digest in base64.
func (h Hash) texts(salt, tag string) (Hash, error) {
	var err error
	if h.salt, err = standard(salt); err != nil {
		return Hash{}, err
	}
	h.tag, err = standard(tag)
	return h, err
}

// hexDigest reads a salt that is text, and a digest in hexadecimal.
func (h Hash) hexDigest(salt, tag string) (Hash, error) {
	b, err := hex.DecodeString(tag)
	if err != nil {
		return Hash{}, fmt.Errorf("%w: digest is not hexadecimal", ErrMalformed)
	}
	h.salt, h.tag = []byte(salt), b
	return h, nil
}

// standard reads base64 with or without padding.
func standard(text string) ([]byte, error) {
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, fmt.Errorf("%w: not base64", ErrMalformed)
	}
	return b, nil
}
