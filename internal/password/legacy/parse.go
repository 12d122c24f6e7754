package legacy

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Source is a password hash as another system exported it.
type Source struct {
	// Text is the hash.
	Text string
	// Salt is a salt from another column, decoded. Only the simple schemes use it.
	Salt []byte
	// Scheme is one of [Schemes], or empty to detect it. It is required where the
	// text does not say enough: how a salt from another column is used.
	Scheme string
}

// Parse reads a foreign hash. It computes nothing, so its cost does not depend
// on the parameters in the text. The errors do not contain the text: [ErrUnknown],
// [ErrMalformed], [ErrTooCostly].
func Parse(s Source) (Hash, error) {
	if len(s.Text) > MaxText || len(s.Salt) > MaxSalt {
		return Hash{}, fmt.Errorf("%w: text is longer than %d bytes or salt is longer than %d", ErrMalformed, MaxText, MaxSalt)
	}
	if s.Text == "" {
		return Hash{}, fmt.Errorf("%w: it is empty", ErrMalformed)
	}
	if _, known := schemes()[s.Scheme]; s.Scheme != "" && !known {
		return Hash{}, fmt.Errorf("%w: %q", ErrUnknown, shortened(s.Scheme))
	}
	h, err := recognize(s)
	if err != nil {
		return Hash{}, err
	}
	if s.Scheme != "" && h.scheme != s.Scheme {
		return Hash{}, fmt.Errorf("%w: the text is %s, not %s", ErrMalformed, h.scheme, s.Scheme)
	}
	h.size = uint32(len(h.tag))
	return h, h.check()
}

// reader reads the texts that begin with prefix; rest is the text after it.
type reader struct {
	prefix string
	read   func(rest string) (Hash, error)
}

// readers are in the order in which they are tried.
func readers() []reader {
	list := []reader{
		{"$2a$", readBcrypt("bcrypt")}, {"$2b$", readBcrypt("bcrypt")}, {"$2y$", readBcrypt("bcrypt")},
		{"$wp$2y$", readBcrypt("wordpress-bcrypt")},
		{"$argon2i$", readArgon2("argon2i")}, {"$argon2d$", readArgon2("argon2d")}, {"$argon2id$", readArgon2("argon2id")},
		{"argon2$argon2i$", readArgon2("argon2i")}, {"argon2$argon2d$", readArgon2("argon2d")}, {"argon2$argon2id$", readArgon2("argon2id")}, // Django
		{"bcrypt$$2", readDjangoBcrypt},
		{"$scrypt$", readScryptPHC}, {"scrypt:", readScryptWerkzeug}, {"scrypt$", readScryptDjango}, {"$fbscrypt$", readFirebase},
		{"$1$", readMD5Crypt("md5-crypt")}, {"$apr1$", readMD5Crypt("apr1")},
		{"$5$", readSHACrypt("sha256-crypt")}, {"$6$", readSHACrypt("sha512-crypt")},
		{"$y$", readYescrypt}, {"$P$", readPhpass}, {"$H$", readPhpass},
		{"$pbkdf2$", readPBKDF2Passlib("pbkdf2-sha1")}, {"pbkdf2_sha1$", readPBKDF2Django("pbkdf2-sha1")},
	}
	for name := range digests() {
		list = append(list,
			reader{"$pbkdf2-" + name + "$", readPBKDF2Passlib("pbkdf2-" + name)},
			reader{"pbkdf2_" + name + "$", readPBKDF2Django("pbkdf2-" + name)},
			reader{"pbkdf2:" + name + ":", readPBKDF2Werkzeug("pbkdf2-" + name)})
	}
	return append(list, ldapReaders()...)
}

func recognize(s Source) (Hash, error) {
	printable := func(r rune) bool { return r > ' ' && r <= '~' }
	isJSON := strings.HasPrefix(s.Text, `{"`) || strings.HasPrefix(s.Text, "{ ") || strings.HasPrefix(s.Text, "{\n")
	if !isJSON && strings.TrimFunc(s.Text, printable) != "" {
		return Hash{}, fmt.Errorf("%w: blanks, control characters or text outside ASCII", ErrMalformed)
	}
	if h, ok, err := readSimple(s); ok {
		return h, err
	}
	if len(s.Salt) > 0 {
		return Hash{}, fmt.Errorf("%w: the text contains its salt, and another salt is given", ErrMalformed)
	}
	if isJSON {
		return readKeycloak(s.Text)
	}
	for _, r := range readers() {
		if rest, ok := strings.CutPrefix(s.Text, r.prefix); ok {
			return r.read(rest)
		}
	}
	if h, ok, err := readIdentity(s.Text); ok {
		return h, err
	}
	return Hash{}, ErrUnknown
}

// readSimple reads a bare digest, and Django's and Werkzeug's NAME$SALT$HEX.
func readSimple(s Source) (h Hash, ok bool, err error) {
	if f := strings.Split(s.Text, "$"); len(f) == 3 && digests()[f[0]] != nil {
		h, err = readNamed(s, f)
		return h, true, err
	}
	name, order := s.Scheme, ""
	for _, suffix := range []string{saltFirst, saltLast, saltHMAC} {
		if cut, found := strings.CutSuffix(s.Scheme, suffix); found {
			name, order = cut, suffix
		}
	}
	tag, err := hex.DecodeString(s.Text)
	if digests()[name] != nil { // declared
		if err != nil {
			tag, err = standard(s.Text)
		}
		return Hash{scheme: name + order, salt: s.Salt, tag: tag}, true, err
	}
	if err != nil || s.Scheme != "" {
		return Hash{}, false, nil
	}
	for name, f := range digests() {
		if f().Size() != len(tag) {
			continue
		}
		if len(s.Salt) > 0 {
			name += saltFirst
		}
		return Hash{scheme: name, salt: s.Salt, tag: tag}, true, nil
	}
	return Hash{}, false, nil
}

// readNamed reads md5$SALT$HEX and sha1$SALT$HEX of Django, where an empty salt
// means none, and sha256$SALT$HEX and sha512$SALT$HEX of Werkzeug before 2.3,
// which are HMACs. Declare NAME-hmac for md5 and sha1 of Werkzeug.
func readNamed(s Source, f []string) (Hash, error) {
	if len(s.Salt) > 0 {
		return Hash{}, fmt.Errorf("%w: the text contains its salt, and another salt is given", ErrMalformed)
	}
	tag, err := hex.DecodeString(f[2])
	if err != nil {
		return Hash{}, fmt.Errorf("%w: digest is not hexadecimal", ErrMalformed)
	}
	name := f[0]
	switch {
	case strings.HasPrefix(s.Scheme, name+"-"):
		name = s.Scheme
	case f[1] == "":
	case name == "md5" || name == "sha1":
		name += saltFirst
	default:
		name += saltHMAC
	}
	return Hash{scheme: name, salt: []byte(f[1]), tag: tag}, nil
}
