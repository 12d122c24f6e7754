package keyset

import (
	"errors"
	"fmt"

	"github.com/portaria/portaria/internal/jose"
)

// Replace replaces all keys: public is a key set (JWKS), and secrets one of HMAC
// secrets; an empty text is an empty set. On an error the keys stay as they were.
func (s *Keys) Replace(public, secrets []byte) error {
	next := &View{until: forever}
	var err error
	if next.set, err = parseWhole(public); err != nil {
		return fmt.Errorf("public keys: %w", err)
	}
	if next.secrets, err = parseWhole(secrets); err != nil {
		return fmt.Errorf("secrets: %w", err)
	}
	for _, k := range next.set.Keys() {
		if k.Private() {
			return errors.New("a private key or secret among the public keys")
		}
	}
	if skipped := next.secrets.Skipped(); len(skipped) > 0 {
		return fmt.Errorf("secret %d: %w", skipped[0].Index+1, skipped[0].Reason)
	}
	for _, k := range next.secrets.Keys() {
		if !k.Algorithm().Symmetric() {
			return errors.New("a key that is no secret among the secrets")
		}
	}
	s.put(next)
	return nil
}

// parseWhole reads a key set that may be empty. It skips keys that it does not
// understand, as with any set.
func parseWhole(data []byte) (jose.KeySet, error) {
	if len(data) == 0 {
		return jose.KeySet{}, nil
	}
	set, err := jose.ParseKeySet(data)
	if errors.Is(err, jose.ErrEmptyKeySet) {
		return jose.KeySet{}, nil
	}
	return set, err
}
