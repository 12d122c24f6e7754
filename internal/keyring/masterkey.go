package keyring

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

// Limits on a master key file.
const (
	masterKeySize     = 32
	maxMasterKeys     = 8
	maxMasterKeyBytes = 16 << 10
)

var (
	// ErrMasterKeyMalformed reports a master key text that is not as
	// documented at [ParseMasterKey]. Its text names the line, never the value.
	ErrMasterKeyMalformed = errors.New("master key: malformed")
	// ErrMasterKeyMissing reports that there is no master key. Nothing was
	// written.
	ErrMasterKeyMissing = errors.New("master key: missing")
	// ErrMasterKeyWrong reports that something was sealed with another master
	// key than those given. Nothing was written.
	ErrMasterKeyWrong = errors.New("master key: not the one that sealed this")
	// ErrSealedDamaged reports that something sealed with this master key was
	// changed since, or belongs to another kid or name.
	ErrSealedDamaged = errors.New("sealed value: damaged or not in its place")
)

// MasterKey seals and opens what rests in the store. It holds one key or, while
// the master key is being changed, several: the first seals, all open. It
// prints as [secret]. The zero value opens nothing and refuses to seal.
type MasterKey struct {
	secret.Hidden
	keys []masterKey
	dev  bool
}

type masterKey struct {
	prefix []byte // what everything sealed with it starts with
	aead   tink.AEAD
}

// ParseMasterKey reads the text of a master key file. Blank lines and lines
// that start with # are ignored; the line "dev" marks a file that was made
// without being asked for; every other line is one key of 32 bytes in standard
// base64 or in hex, so that `openssl rand -base64 32` makes a whole file. The
// first key seals, all open. Errors wrap ErrMasterKeyMalformed.
func ParseMasterKey(text []byte) (*MasterKey, error) {
	if len(text) > maxMasterKeyBytes {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrMasterKeyMalformed, maxMasterKeyBytes)
	}
	m := &MasterKey{}
	for i, line := range bytes.Split(text, []byte("\n")) {
		if err := m.addLine(bytes.TrimSpace(line)); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrMasterKeyMalformed, i+1, err)
		}
	}
	if len(m.keys) == 0 || len(m.keys) > maxMasterKeys {
		return nil, fmt.Errorf("%w: between 1 and %d keys are needed", ErrMasterKeyMalformed, maxMasterKeys)
	}
	return m, nil
}

func (m *MasterKey) addLine(line []byte) error {
	if len(line) == 0 || line[0] == '#' {
		return nil
	}
	if string(line) == "dev" {
		m.dev = true
		return nil
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(string(line))
	if err != nil || len(raw) != masterKeySize {
		raw, err = hex.DecodeString(string(line))
	}
	if err != nil || len(raw) != masterKeySize {
		return errors.New("not 32 bytes in base64 or hex")
	}
	key, err := newMasterKey(raw)
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

// newMasterKey makes a Tink AEAD whose output starts with the version of the
// format and four bytes that name the key. These are a hash of the key, so
// that the file needs no identifiers and a wrong key is told apart from damage.
func newMasterKey(raw []byte) (masterKey, error) {
	if bytes.Count(raw, raw[:1]) == len(raw) {
		return masterKey{}, errors.New("all bytes are equal: not a random key")
	}
	parameters, err := aesgcm.NewParameters(aesgcm.ParametersOpts{
		KeySizeInBytes: masterKeySize, IVSizeInBytes: 12, TagSizeInBytes: 16, Variant: aesgcm.VariantTink,
	})
	if err != nil {
		return masterKey{}, fmt.Errorf("set up sealing: %w", err)
	}
	sum := sha256.Sum256(append([]byte("portaria master key id\x00"), raw...))
	data := secretdata.NewBytesFromData(raw, insecuresecretdataaccess.Token{})
	key, err := aesgcm.NewKey(data, binary.BigEndian.Uint32(sum[:4]), parameters)
	if err != nil {
		return masterKey{}, fmt.Errorf("set up sealing: %w", err)
	}
	aead, err := aesgcm.NewAEAD(key)
	if err != nil {
		return masterKey{}, fmt.Errorf("set up sealing: %w", err)
	}
	return masterKey{prefix: key.OutputPrefix(), aead: aead}, nil
}

// NewMasterKey returns the text of a file with a new random master key.
func NewMasterKey() []byte {
	return newMasterKeyText("# Portaria's master key. It seals the keys and secrets in the database.\n" +
		"# Without it they are lost, and with both, everybody's tokens can be made:\n" +
		"# keep a copy, and keep it apart from copies of the database.\n")
}

// NewDevMasterKey is [NewMasterKey] for a file that is made without being
// asked for; [MasterKey.Dev] reports it.
func NewDevMasterKey() []byte {
	return newMasterKeyText("# Portaria's master key, made at the first start for trying things out.\n" +
		"# For production make your own: openssl rand -base64 32 > FILE\n" +
		"dev\n")
}

func newMasterKeyText(head string) []byte {
	raw := make([]byte, masterKeySize)
	rand.Read(raw) // never fails
	text := base64.StdEncoding.AppendEncode([]byte(head), raw)
	return append(text, '\n')
}

// Dev reports whether the file was made without being asked for.
func (m *MasterKey) Dev() bool { return m != nil && m.dev }

// seal encrypts data so that it opens only under the same label.
func (m *MasterKey) seal(data []byte, label string) ([]byte, error) {
	if m == nil || len(m.keys) == 0 {
		return nil, ErrMasterKeyMissing
	}
	sealed, err := m.keys[0].aead.Encrypt(data, []byte(label))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return sealed, nil
}

// open decrypts what seal made. Errors are ErrMasterKeyMissing,
// ErrMasterKeyWrong and ErrSealedDamaged.
func (m *MasterKey) open(sealed []byte, label string) ([]byte, error) {
	if m == nil || len(m.keys) == 0 {
		return nil, ErrMasterKeyMissing
	}
	if len(sealed) < len(m.keys[0].prefix) || sealed[0] != m.keys[0].prefix[0] {
		return nil, ErrSealedDamaged
	}
	for _, key := range m.keys {
		if !bytes.HasPrefix(sealed, key.prefix) {
			continue
		}
		data, err := key.aead.Decrypt(sealed, []byte(label))
		if err != nil {
			return nil, ErrSealedDamaged
		}
		return data, nil
	}
	return nil, ErrMasterKeyWrong
}
