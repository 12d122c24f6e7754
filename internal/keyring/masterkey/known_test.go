package masterkey_test

import (
	"encoding/base64"
	"encoding/hex"
	"testing"

	"github.com/portaria/portaria/internal/keyring/masterkey"
)

// A database that is sealed today must open with every later version. The
// record was made with crypto/cipher: 1 ‖ four bytes of the key's hash ‖ nonce ‖
// AES-256-GCM, with the label as additional data.
func TestKnownSealedRecord(t *testing.T) {
	raw := make([]byte, 32)
	for i := range raw {
		raw[i] = byte(i)
	}
	key, err := masterkey.Parse([]byte(base64.StdEncoding.EncodeToString(raw)))
	if err != nil {
		t.Fatal(err)
	}
	sealed, _ := hex.DecodeString("013d05d9cc7477656c7665206279746573cba5909b0728dfdf2efd65599a4d1ac47c22ceff1f92ddd9")
	if got, err := key.Open(sealed, "label"); err != nil || string(got) != "a secret" {
		t.Errorf("%q, %v", got, err)
	}
	for n := range sealed {
		if _, err := key.Open(sealed[:n], "label"); err == nil {
			t.Errorf("%d bytes of it open", n)
		}
	}
	if _, err := key.Open(sealed, "babel"); err != masterkey.ErrDamaged {
		t.Errorf("under another label: %v", err)
	}
}
