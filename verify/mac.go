package verify

import (
	"crypto"
	"crypto/hmac"
	"hash"
	"sync"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify/internal/payload"
)

// scratch is the memory of one verification. A pool lends it out: nothing of it
// may be kept, and a record has copies.
type scratch struct {
	claims                *payload.Payload
	input, signature, sum []byte
}

func newScratch() any {
	return &scratch{claims: payload.New(), signature: make([]byte, 0, 64)}
}

// macs computes MACs under one secret. A MAC takes less than a microsecond, a
// third of which is getting ready for it: that is done once for many.
type macs struct{ ready sync.Pool }

func newMACs(a jose.Algorithm, secret Secret) *macs {
	hashes := map[jose.Algorithm]crypto.Hash{jose.HS256: crypto.SHA256, jose.HS384: crypto.SHA384, jose.HS512: crypto.SHA512}
	own := append([]byte(nil), secret...)
	return &macs{sync.Pool{New: func() any { return hmac.New(hashes[a].New, own) }}}
}

// check is [jose.Compact.Verify] for the secret. Its header is known already.
func (m *macs) check(s *scratch, parts jose.Compact) error {
	signature, err := jose.AppendDecode(s.signature[:0], parts.Signature)
	if err != nil {
		return err
	}
	s.signature = signature
	s.input = append(s.input[:0], parts.Input...)
	mac := m.ready.Get().(hash.Hash)
	defer m.ready.Put(mac)
	mac.Reset()
	_, _ = mac.Write(s.input) // never fails
	s.sum = mac.Sum(s.sum[:0])
	if !hmac.Equal(s.sum, signature) {
		return jose.ErrSignature
	}
	return nil
}
