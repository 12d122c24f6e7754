package jose_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"

	"github.com/portaria/portaria/internal/jose"
)

const rsa15 = "RSA1_5 is not allowed: its padding has let attackers decrypt for 25 years"

// differences lists every vector on which we differ from the file, with the
// reason; a vector that begins or ceases to differ fails the test.
var differences = map[string]string{
	"signature 346": "faulty: a PS384 token, and a key whose alg is PS256",
	"signature 347": "faulty: the key's alg is ES521, which does not exist",
	"signature 350": "faulty: a PS384 token, and a key whose alg is PS256",
	"signature 351": "faulty: the key's alg is ES521, which does not exist",
	"signature 367": "faulty: nothing is wrong with its padding, the token is that of the valid case 357",
	"signature 370": "faulty: nothing is wrong with its padding, the token is that of the valid case 357",
	"signature 372": "faulty: a question mark in base64url is no valid encoding (RFC 7515, section 2)",
	"signature 373": "faulty: a question mark in base64url is no valid encoding (RFC 7515, section 2)",

	"encryption 100": rsa15, "encryption 101": rsa15, "encryption 102": rsa15, "encryption 103": rsa15,
	"encryption 104": rsa15, "encryption 105": rsa15, "encryption 112": rsa15, "encryption 128": rsa15,
}

// odd lists the one faulty vector on which we agree with the file all the same.
var odd = map[string]string{
	"encryption 132": "faulty: the key's alg is A128GCM and the token's dir; RFC 7520, section 5.6 writes it so, and such a key is read as one for dir with A128GCM",
}

// group is one key or key set of a Wycheproof file and the tokens to try on it.
type group struct {
	Comment string          `json:"comment"`
	Private json.RawMessage `json:"private"`
	Public  json.RawMessage `json:"public"`
	Tests   []vector        `json:"tests"`
}

type vector struct {
	ID      int             `json:"tcId"`
	Comment string          `json:"comment"`
	JWS     json.RawMessage `json:"jws"`
	JWE     json.RawMessage `json:"jwe"`
	Pt      string          `json:"pt"`
	Result  string          `json:"result"`
}

func readGroups(t *testing.T, name string) []group {
	t.Helper()
	text, err := fs.ReadFile(wycheproof.TestVectors, "json_web_"+name+"_test.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		TestGroups []group `json:"testGroups"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.TestGroups
}

// verifyRaw is what a tool does with a file of keys and a token.
func verifyRaw(keys []byte, compact string) ([]byte, error) {
	set, err := jose.ParseKeySet(keys)
	if err != nil {
		return nil, err
	}
	m, err := jose.Parse(compact)
	if err != nil {
		return nil, err
	}
	return set.Verify(m)
}

func decryptRaw(keys []byte, compact string) ([]byte, error) {
	set, err := jose.ParseKeySet(keys)
	if err != nil {
		return nil, err
	}
	e, err := jose.ParseEncrypted(compact)
	if err != nil {
		return nil, err
	}
	return set.Decrypt(e)
}

// text returns a token: most are strings, JSON serializations may be objects.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return string(raw)
	}
	return s
}

// open verifies or decrypts; without public keys it verifies with the secrets.
func (g group) open(v vector) ([]byte, error) {
	if v.JWE != nil {
		return decryptRaw(g.Private, text(v.JWE))
	}
	if g.Public != nil {
		return verifyRaw(g.Public, text(v.JWS))
	}
	return verifyRaw(g.Private, text(v.JWS))
}

func TestWycheproof(t *testing.T) {
	counts := map[string]int{}
	differ := map[string]bool{}
	for _, file := range []string{"signature", "encryption", "key", "crypto"} {
		for _, g := range readGroups(t, file) {
			for _, v := range g.Tests {
				counts[file]++
				name := fmt.Sprintf("%s %d", file, v.ID)
				got, err := g.open(v)
				if accepted := err == nil; accepted != (v.Result == "valid") {
					differ[name] = true
					if differences[name] == "" {
						t.Errorf("%s (%s/%s): %v, want %s", name, g.Comment, v.Comment, err, v.Result)
					}
				}
				if err == nil && v.Pt != "" && hex.EncodeToString(got) != v.Pt {
					t.Errorf("%s: plaintext %x, want %s", name, got, v.Pt)
				}
			}
		}
	}
	for name, reason := range differences {
		if !differ[name] {
			t.Errorf("%s is listed as differing (%s), and does not", name, reason)
		}
	}
	for name, reason := range odd {
		if differ[name] {
			t.Errorf("%s (%s) now differs", name, reason)
		}
	}
	if counts["signature"] != 401 || counts["encryption"] != 139 || counts["key"] != 26 || counts["crypto"] != 83 {
		t.Errorf("cases %v, want 401, 139, 26 and 83", counts)
	}
	faulty := len(odd)
	for _, reason := range differences {
		if strings.HasPrefix(reason, "faulty") {
			faulty++
		}
	}
	if faulty != 9 {
		t.Errorf("%d faulty vectors, want the nine known ones", faulty)
	}
}
