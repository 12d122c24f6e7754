package keyset

import (
	"time"

	"github.com/portaria/portaria/internal/jose"
)

// Use replaces the keys by a set.
func (s *Keys) Use(set jose.KeySet) { _ = s.replace(set, time.Now()) }

// Current returns the keys as they are.
func (s *Keys) Current() *View { return s.current.Load() }
