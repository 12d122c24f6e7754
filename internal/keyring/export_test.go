package keyring

import (
	"time"
)

// SealGeneration returns generation n of a named secret as it rests in the store.
func SealGeneration(m *MasterKey, name string, n int) SealedSecret {
	stored := generationName(name, n)
	sealed, err := m.seal(appendMillis(appendMillis(make([]byte, secretSize), time.Time{}), time.Time{}), secretLabel(stored))
	if err != nil {
		panic(err)
	}
	return SealedSecret{Name: stored, Sealed: sealed}
}
