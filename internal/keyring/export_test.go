package keyring

import (
	"time"

	"github.com/portaria/portaria/internal/keyring/masterkey"
)

// SealGeneration returns generation n of a named secret as it rests in the store.
func SealGeneration(m *masterkey.Key, name string, n int) SealedSecret {
	stored := generationName(name, n)
	sealed, err := m.Seal(appendMillis(appendMillis(make([]byte, secretSize), time.Time{}), time.Time{}), secretLabel(stored))
	if err != nil {
		panic(err)
	}
	return SealedSecret{Name: stored, Sealed: sealed}
}
