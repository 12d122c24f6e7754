package keyring_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/keyring"
)

// raw returns 32 bytes that differ by seed.
func raw(seed byte) []byte {
	b := bytes.Repeat([]byte{seed}, 32)
	b[0]++
	return b
}

func b64(seed byte) string { return base64.StdEncoding.EncodeToString(raw(seed)) }

func TestMasterKeyText(t *testing.T) {
	accept := func(text string, dev bool) {
		t.Helper()
		m, err := keyring.ParseMasterKey([]byte(text))
		if err != nil || m.Dev() != dev {
			t.Errorf("%q: dev %v, %v; want dev %v", text, m.Dev(), err, dev)
		}
	}
	refuse := func(text string) {
		t.Helper()
		_, err := keyring.ParseMasterKey([]byte(text))
		if !errors.Is(err, keyring.ErrMasterKeyMalformed) {
			t.Errorf("%q: %v, want ErrMasterKeyMalformed", text, err)
		}
		for _, line := range strings.Fields(text) {
			if len(line) > 20 && strings.Contains(fmt.Sprint(err), line) {
				t.Errorf("the error shows the key: %v", err)
			}
		}
	}
	accept(b64(1), false)
	accept(b64(1)+"\n", false) // openssl rand -base64 32
	accept("\r\n"+b64(1)+"\r\n", false)
	accept(hex.EncodeToString(raw(1)), false)
	accept(strings.ToUpper(hex.EncodeToString(raw(1))), false)
	accept("# one\n\n  "+b64(1)+"  \n# two\n"+b64(2), false)
	accept("dev\n"+b64(1), true)
	accept(string(keyring.NewMasterKey()), false)
	accept(string(keyring.NewDevMasterKey()), true)

	refuse("")
	refuse("# nothing\n")
	refuse("dev\n")
	refuse("Dev\n" + b64(1))
	refuse("correct horse battery staple")
	refuse(base64.StdEncoding.EncodeToString(raw(1)[:31]))
	refuse(base64.StdEncoding.EncodeToString(append(raw(1), 0)))
	refuse(hex.EncodeToString(raw(1)[:31]))
	refuse(b64(1) + b64(2))
	refuse(b64(1) + "\n" + b64(1))
	refuse(base64.StdEncoding.EncodeToString(make([]byte, 32)))
	refuse(strings.Repeat("#\n", 9<<10) + b64(1))
	var nine strings.Builder
	for i := range 9 {
		nine.WriteString(b64(byte(i)) + "\n")
	}
	refuse(nine.String())
	if bytes.Equal(keyring.NewMasterKey(), keyring.NewMasterKey()) {
		t.Error("two new master keys are equal")
	}
}

func TestMasterKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := keyring.LoadMasterKey(path); !errors.Is(err, keyring.ErrMasterKeyMissing) {
		t.Errorf("no file: %v, want ErrMasterKeyMissing", err)
	}
	if m, err := keyring.CreateMasterKeyFile(path, true); err != nil || !m.Dev() {
		t.Fatalf("create: dev %v, %v", m.Dev(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := keyring.LoadMasterKey(path); err != nil || !m.Dev() {
		t.Errorf("load: dev %v, %v", m.Dev(), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if _, err := keyring.CreateMasterKeyFile(path, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create again: %v, want ErrExist", err)
	}
	if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, text) {
		t.Errorf("the file has changed: %v", err)
	}
	for _, mode := range []fs.FileMode{0o604, 0o620, 0o660, 0o610, 0o602, 0o601, 0o444, 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := keyring.LoadMasterKey(path); !errors.Is(err, keyring.ErrMasterKeyExposed) {
			t.Errorf("mode %04o: %v, want ErrMasterKeyExposed", mode, err)
		}
	}
	for _, mode := range []fs.FileMode{0o640, 0o440, 0o400} { // 0440 is what Kubernetes does with fsGroup
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := keyring.LoadMasterKey(path); err != nil {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.CreateMasterKeyFile(filepath.Join(path, "x"), false); err == nil {
		t.Error("created below a file")
	}
	if err := os.WriteFile(path, []byte("dev"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.LoadMasterKey(path); !errors.Is(err, keyring.ErrMasterKeyMalformed) {
		t.Errorf("no key in it: %v, want ErrMasterKeyMalformed", err)
	}
}

func TestMasterKeyPrintsAsSecret(t *testing.T) {
	m, err := keyring.ParseMasterKey([]byte(b64(1)))
	if err != nil {
		t.Fatal(err)
	}
	marshalled, err := json.Marshal(map[string]any{"m": m, "s": keyring.Secret("abc")})
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%v %+v %#v %s %x %v", m, m, m, m, m, keyring.Secret("abc")) + m.String() + string(marshalled)
	if strings.Count(text, "[secret]") != 9 || strings.Contains(text, "abc") {
		t.Errorf("printed as %s", text)
	}
}
