// Package masterkey seals private keys and secrets for the database, under a key
// that is in a file or a variable.
package masterkey

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/portaria/portaria/internal/secret"
)

// Limits of a master key file.
const (
	size     = 32
	maxKeys  = 8
	maxBytes = 16 << 10
)

var (
	// ErrMalformed reports a text that [Parse] cannot read. It names the line, never
	// the value.
	ErrMalformed = errors.New("master key: malformed")
	// ErrMissing reports that there is no master key. Nothing was written.
	ErrMissing = errors.New("master key: missing")
	// ErrWrong reports that another master key sealed the value. Nothing was written.
	ErrWrong = errors.New("master key: another key sealed this value")
	// ErrDamaged reports that a sealed value was changed, or belongs to another kid or name.
	ErrDamaged = errors.New("sealed value: damaged, or moved to another row")
)

// Key seals values for the store and opens them. It holds one key or, while the master
// key is being changed, several: the first one seals, all of them open. It prints as
// [secret]. The zero value returns ErrMissing.
type Key struct {
	secret.Hidden
	keys []sealer
	dev  bool
}

type sealer struct {
	prefix []byte // the first bytes of every value that it sealed
	aead   tink.AEAD
}

// Parse reads the text of a master key file. It ignores blank lines and lines that start
// with #. The line "dev" marks a file that the first start created. Every other line is
// one key of 32 bytes in standard base64 or hex, so the output of
// `openssl rand -base64 32` is a whole file. Errors wrap ErrMalformed.
func Parse(text []byte) (*Key, error) {
	if len(text) > maxBytes {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, maxBytes)
	}
	m := &Key{}
	for i, line := range bytes.Split(text, []byte("\n")) {
		if err := m.addLine(bytes.TrimSpace(line)); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrMalformed, i+1, err)
		}
	}
	if len(m.keys) == 0 || len(m.keys) > maxKeys {
		return nil, fmt.Errorf("%w: between 1 and %d keys are needed", ErrMalformed, maxKeys)
	}
	return m, nil
}

func (m *Key) addLine(line []byte) error {
	if len(line) == 0 || line[0] == '#' {
		return nil
	}
	if string(line) == "dev" {
		m.dev = true
		return nil
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(string(line))
	if err != nil || len(raw) != size {
		raw, err = hex.DecodeString(string(line))
	}
	if err != nil || len(raw) != size {
		return errors.New("not 32 bytes in base64 or hex")
	}
	key, err := newSealer(raw)
	if err != nil {
		return err
	}
	for _, other := range m.keys {
		if bytes.Equal(other.prefix, key.prefix) {
			return errors.New("the same key twice")
		}
	}
	m.keys = append(m.keys, key)
	return nil
}

// newSealer returns a Tink AEAD whose output starts with the version of the format and four
// bytes that name the key. They are a hash of the key: the file needs no identifiers,
// and a wrong key can be distinguished from damage.
func newSealer(raw []byte) (sealer, error) {
	if bytes.Count(raw, raw[:1]) == len(raw) {
		return sealer{}, errors.New("all bytes are equal: not a random key")
	}
	parameters, err := aesgcm.NewParameters(aesgcm.ParametersOpts{
		KeySizeInBytes: size, IVSizeInBytes: 12, TagSizeInBytes: 16, Variant: aesgcm.VariantTink,
	})
	if err != nil {
		return sealer{}, fmt.Errorf("set up sealing: %w", err)
	}
	sum := sha256.Sum256(append([]byte("portaria master key id\x00"), raw...))
	data := secretdata.NewBytesFromData(raw, insecuresecretdataaccess.Token{})
	key, err := aesgcm.NewKey(data, binary.BigEndian.Uint32(sum[:4]), parameters)
	if err != nil {
		return sealer{}, fmt.Errorf("set up sealing: %w", err)
	}
	aead, err := aesgcm.NewAEAD(key)
	if err != nil {
		return sealer{}, fmt.Errorf("set up sealing: %w", err)
	}
	return sealer{prefix: key.OutputPrefix(), aead: aead}, nil
}

// New returns the text of a file with a new random master key.
func New() []byte {
	return newText("# Portaria's master key. It encrypts the keys and secrets in the database.\n" +
		"# Without this file they are lost. Everybody who has the file and the database can make\n" +
		"# every token: keep a copy, but not beside copies of the database.\n")
}

// NewDev returns the text of a file that the first start creates; [Key.Dev] reports it.
func NewDev() []byte {
	return newText("# Portaria's master key, created by the first start for development.\n" +
		"# For production, create your own: openssl rand -base64 32 > FILE\n" +
		"dev\n")
}

func newText(head string) []byte {
	raw := make([]byte, size)
	rand.Read(raw) // never fails
	text := base64.StdEncoding.AppendEncode([]byte(head), raw)
	return append(text, '\n')
}

// Dev reports whether the first start created the file.
func (m *Key) Dev() bool { return m != nil && m.dev }

// Seal encrypts data. Only Open with the same label decrypts it.
func (m *Key) Seal(data []byte, label string) ([]byte, error) {
	if m.Empty() {
		return nil, ErrMissing
	}
	sealed, err := m.keys[0].aead.Encrypt(data, []byte(label))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return sealed, nil
}

// Open decrypts a sealed value. Errors are ErrMissing, ErrWrong and ErrDamaged.
func (m *Key) Open(sealed []byte, label string) ([]byte, error) {
	if m.Empty() {
		return nil, ErrMissing
	}
	if len(sealed) < len(m.keys[0].prefix) || sealed[0] != m.keys[0].prefix[0] {
		return nil, ErrDamaged
	}
	for _, key := range m.keys {
		if !bytes.HasPrefix(sealed, key.prefix) {
			continue
		}
		data, err := key.aead.Decrypt(sealed, []byte(label))
		if err != nil {
			return nil, ErrDamaged
		}
		return data, nil
	}
	return nil, ErrWrong
}

// Reseal opens a sealed value and seals it again with the first key. It returns nil
// if the first key sealed the value already.
func (m *Key) Reseal(sealed []byte, label string) ([]byte, error) {
	data, err := m.Open(sealed, label)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(sealed, m.keys[0].prefix) {
		return nil, nil
	}
	again, err := m.Seal(data, label)
	if err != nil {
		return nil, err
	}
	// The caller will replace the old value: make sure that the new one opens.
	if _, err := m.Open(again, label); err != nil {
		return nil, err
	}
	return again, nil
}

// Empty reports whether there is no key.
func (m *Key) Empty() bool { return m == nil || len(m.keys) == 0 }
