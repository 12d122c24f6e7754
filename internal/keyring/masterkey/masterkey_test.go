package masterkey_test

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
	"github.com/portaria/portaria/internal/keyring/masterkey"
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
		m, err := masterkey.Parse([]byte(text))
		if err != nil || m.Dev() != dev {
			t.Errorf("%q: dev %v, %v; want dev %v", text, m.Dev(), err, dev)
		}
	}
	refuse := func(text string) {
		t.Helper()
		_, err := masterkey.Parse([]byte(text))
		if !errors.Is(err, masterkey.ErrMalformed) {
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
	accept(string(masterkey.New()), false)
	accept(string(masterkey.NewDev()), true)

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
	if bytes.Equal(masterkey.New(), masterkey.New()) {
		t.Error("two new master keys are equal")
	}
}

func TestMasterKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := masterkey.Load(path); !errors.Is(err, masterkey.ErrMissing) {
		t.Errorf("no file: %v, want ErrMasterKeyMissing", err)
	}
	if m, err := masterkey.CreateFile(path, true); err != nil || !m.Dev() {
		t.Fatalf("create: dev %v, %v", m.Dev(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := masterkey.Load(path); err != nil || !m.Dev() {
		t.Errorf("load: dev %v, %v", m.Dev(), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if _, err := masterkey.CreateFile(path, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create again: %v, want ErrExist", err)
	}
	if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, text) {
		t.Errorf("the file has changed: %v", err)
	}
	for _, mode := range []fs.FileMode{0o604, 0o620, 0o660, 0o610, 0o602, 0o601, 0o444, 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := masterkey.Load(path); !errors.Is(err, masterkey.ErrExposed) {
			t.Errorf("mode %04o: %v, want ErrMasterKeyExposed", mode, err)
		}
	}
	for _, mode := range []fs.FileMode{0o640, 0o440, 0o400} { // 0440 is what Kubernetes does with fsGroup
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := masterkey.Load(path); err != nil {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := masterkey.CreateFile(filepath.Join(path, "x"), false); err == nil {
		t.Error("created below a file")
	}
	if err := os.WriteFile(path, []byte("dev"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := masterkey.Load(path); !errors.Is(err, masterkey.ErrMalformed) {
		t.Errorf("no key in it: %v, want ErrMasterKeyMalformed", err)
	}
}

func TestMasterKeyPrintsAsSecret(t *testing.T) {
	m, err := masterkey.Parse([]byte(b64(1)))
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

// TestLimitsOfMasterKeys: eight keys and 16 KiB are accepted, one more is not,
// whether the text comes from a file or not.
func TestLimitsOfMasterKeys(t *testing.T) {
	keys := func(n int) (text string) {
		for i := range n {
			text += b64(byte(i)) + "\n"
		}
		return text
	}
	filled := func(size int) string { return strings.Repeat("#", size-1-len(b64(1))) + "\n" + b64(1) }
	for text, want := range map[string]error{
		keys(8): nil, keys(9): masterkey.ErrMalformed,
		filled(16 << 10): nil, filled(16<<10 + 1): masterkey.ErrMalformed,
		// The key must not be cut off with the rest of a file that is too long.
		b64(1) + "\n" + strings.Repeat("#", 16<<10): masterkey.ErrMalformed,
	} {
		if _, err := masterkey.Parse([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v, want %v", len(text), err, want)
		}
		path := filepath.Join(t.TempDir(), "master.key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := masterkey.Load(path); !errors.Is(err, want) {
			t.Errorf("file of %d bytes: %v, want %v", len(text), err, want)
		}
	}
}
