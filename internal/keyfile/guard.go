package keyfile

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/publickey"
)

// checkText refuses the text of a secret that is a key as it is written. Whether
// the decoded secret is one, package jose checks for every secret.
func checkText(text []byte) error {
	if kind := publickey.KindOfText(text); kind != "" {
		return fmt.Errorf("%w (%s)", jose.ErrPublicSecret, kind)
	}
	return nil
}

// lenient reads base64 in either alphabet, padded or not.
func lenient(text string) ([]byte, error) {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	return base64.RawStdEncoding.DecodeString(text)
}
