package verify

import (
	"errors"
	"fmt"

	"github.com/portaria/portaria/internal/jose"
)

// SetKeySet replaces the keys of a verifier with [Config.ManualKeys]: public is
// the issuer's key set (JWKS), and secrets one of HMAC secrets, nil for none.
// Both are whole: a key that is in neither is withdrawn at once, also for tokens
// that were verified with it before, and two empty sets refuse every token.
// Until the first call the verifier answers [ErrUnavailable]. Errors wrap
// [ErrConfig]; the keys then stay as they were. Safe to call at any time.
func (v *Verifier) SetKeySet(public []byte, secrets Secret) error {
	if v.keys == nil || !v.manual {
		return fmt.Errorf("%w: SetKeySet without ManualKeys", ErrConfig)
	}
	next := &view{until: forever}
	var err error
	if next.set, err = parseWhole(public); err != nil {
		return fmt.Errorf("%w: public keys: %w", ErrConfig, err)
	}
	if next.secrets, err = parseWhole(secrets); err != nil {
		return fmt.Errorf("%w: secrets: %w", ErrConfig, err)
	}
	for _, k := range next.set.Keys() {
		if k.Private() {
			return fmt.Errorf("%w: a private key or secret among the public keys", ErrConfig)
		}
	}
	if left := next.secrets.Skipped(); len(left) > 0 {
		return fmt.Errorf("%w: secret %d: %w", ErrConfig, left[0].Index+1, left[0].Reason)
	}
	for _, k := range next.secrets.Keys() {
		if !k.Algorithm().Symmetric() {
			return fmt.Errorf("%w: a key that is no secret among the secrets", ErrConfig)
		}
	}
	v.keys.put(next)
	return nil
}

// parseWhole reads a key set that may be empty. Of an issuer's own set, as of
// any other, a key that is not understood is left out.
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
