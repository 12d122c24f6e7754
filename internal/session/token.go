package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/portaria/portaria/internal/secret"
)

// A refresh token is prefix ‖ base64url(sid ‖ generation ‖ tag). Generation
// has 48 bits so that the whole is a multiple of three bytes: base64 then has
// no spare bits in which one token could be spelled in several ways.
const (
	prefix         = "prt_"
	sidSize        = 16
	generationSize = 6
	bodySize       = sidSize + generationSize
	tokenSize      = bodySize + sha256.Size
)

// tokenLength is the length in characters of every refresh token.
var tokenLength = len(prefix) + base64.RawURLEncoding.EncodedLen(tokenSize)

// Token is a refresh token.
type Token = secret.Text

// claim is the content of a refresh token. Do not trust it before its tag is checked.
type claim struct {
	id         string
	generation int64
	tag        [sha256.Size]byte
}

// parse reads a refresh token's shape. Any deviation is ErrTokenInvalid.
func parse(t Token) (claim, error) {
	s := string(t)
	// The length is checked first, so nothing is allocated for junk; the
	// decoder skips CR and LF, which this length leaves no room for.
	if len(s) != tokenLength || !strings.HasPrefix(s, prefix) {
		return claim{}, ErrTokenInvalid
	}
	var raw [tokenSize]byte
	n, err := base64.RawURLEncoding.Strict().Decode(raw[:], []byte(s[len(prefix):]))
	if err != nil || n != tokenSize {
		return claim{}, ErrTokenInvalid
	}
	var wide [8]byte
	copy(wide[8-generationSize:], raw[sidSize:bodySize])
	return claim{
		id:         uuid.UUID(raw[:sidSize]).String(),
		generation: int64(binary.BigEndian.Uint64(wide[:])),
		tag:        [sha256.Size]byte(raw[bodySize:]),
	}, nil
}

// body is what the tag covers, besides the salt.
func body(s Session, generation int64) ([]byte, error) {
	id, err := uuid.Parse(s.ID)
	if err != nil {
		return nil, fmt.Errorf("read session id: %w", err)
	}
	var wide [8]byte
	binary.BigEndian.PutUint64(wide[:], uint64(generation))
	b := make([]byte, 0, tokenSize)
	b = append(b, id[:]...)
	return append(b, wide[8-generationSize:]...), nil
}

// errNoKey reports that there is no key to make refresh tokens with.
var errNoKey = errors.New("no key for refresh tokens")

// tag authenticates body under a key of the server and the session's salt.
func tag(key secret.Bytes, body []byte, salt [16]byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	mac.Write(salt[:])
	return mac.Sum(nil)
}

// derive makes the refresh token of one generation. The same session and
// generation always give the same token: that is what lets parallel requests
// agree on a successor.
func (c *Chain) derive(s Session, generation int64) (Token, error) {
	b, err := body(s, generation)
	if err != nil {
		return "", err
	}
	keys := c.keys()
	if len(keys) == 0 {
		return "", errNoKey
	}
	b = append(b, tag(keys[0], b, s.Salt)...)
	return Token(prefix + base64.RawURLEncoding.EncodeToString(b)), nil
}

// genuine reports whether the claim's tag was made here for this session.
func (c *Chain) genuine(cl claim, s Session) bool {
	b, err := body(s, cl.generation)
	if err != nil {
		return false
	}
	found := false
	for _, key := range c.keys() {
		found = hmac.Equal(cl.tag[:], tag(key, b, s.Salt)) || found
	}
	return found
}

// CSRF is a value that only pages of this site know. A request with a session's cookies
// must carry it, so that other sites cannot send them.
type CSRF = secret.Text

// csrfLabel keeps what is derived for pages apart from the tags of refresh
// tokens, which cover 38 bytes: this is longer already.
const csrfLabel = "portaria double-submit value of a session"

// csrfSize is the length of a csrf value, in bytes.
const csrfSize = 16

// CSRF returns the session's double-submit value. It stays the same while the session
// lives, so that a refresh in one tab does not break the others. Refresh tokens cannot be
// derived from it.
func (c *Chain) CSRF(s Session) CSRF {
	keys := c.keys()
	if len(keys) == 0 {
		return ""
	}
	return csrf(keys[0], s)
}

// IsCSRF reports whether a value is the session's, under any valid key.
func (c *Chain) IsCSRF(s Session, value string) bool {
	found := false
	for _, key := range c.keys() {
		found = hmac.Equal([]byte(csrf(key, s)), []byte(value)) || found
	}
	return found
}

func csrf(key secret.Bytes, s Session) CSRF {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(csrfLabel))
	mac.Write(s.Salt[:])
	mac.Write([]byte(s.ID))
	return CSRF(base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:csrfSize]))
}
