package jose_test

import (
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/jose/josetest"
)

// TestAttacks runs the table through what a tool does with a token: signed ones
// against the key set of the signer, encrypted ones against a key of the
// recipient's. The attacks on claims pass here; the tests of package token and
// of the API refuse them.
func TestAttacks(t *testing.T) {
	signer, recipient := generate(t, jose.ES256), generate(t, jose.ECDHESA256KW)
	now := time.Unix(1772366400, 0)
	target := josetest.Target{Signer: signer, Type: "JWT", Now: now, Claims: map[string]any{
		"iss": "https://id.example", "sub": "u1", "aud": "a", "exp": now.Add(time.Hour).Unix(),
	}}
	verifying, decrypting := set(bare(t, signer)), set(string(recipient.RevealJWK()))
	if _, err := verifyRaw(verifying, josetest.Good(t, target)); err != nil {
		t.Fatalf("the control is refused: %v", err)
	}
	for _, attack := range josetest.Attacks() {
		compact := attack.Make(t, target)
		if _, err := verifyRaw(verifying, compact); err == nil && !attack.Claims {
			t.Errorf("%s: accepted", attack.Name)
		}
		if _, err := decryptRaw(decrypting, compact); err == nil {
			t.Errorf("%s: decrypted", attack.Name)
		}
		if strings.HasPrefix(compact, "{") {
			continue
		}
		if _, err := jose.VerifyJSON([]byte(compact), jose.KeySet{}); err == nil {
			t.Errorf("%s: accepted as JSON", attack.Name)
		}
	}
}
