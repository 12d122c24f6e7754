package verify

import "fmt"

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
	if err := v.keys.Replace(public, secrets); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return nil
}
