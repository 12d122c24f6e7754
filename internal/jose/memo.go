package jose

import "sync"

// maxMemo is the greatest number of key sets that a Memo remembers.
const maxMemo = 256

// Memo remembers the key sets that it has read, by their text. It is for text
// that is used again and again, such as a client's registered key: reading an
// RSA key costs more than verifying with it, because weak keys are looked for.
// The zero value is ready. Safe for concurrent use.
type Memo struct {
	mu   sync.Mutex
	sets map[string]KeySet
}

// Parse is [ParseKeySet]. Errors are not remembered.
func (m *Memo) Parse(text string) (KeySet, error) {
	m.mu.Lock()
	known, ok := m.sets[text]
	m.mu.Unlock()
	if ok {
		return known, nil
	}
	set, err := ParseKeySet([]byte(text))
	if err != nil {
		return KeySet{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sets == nil || len(m.sets) >= maxMemo {
		m.sets = map[string]KeySet{}
	}
	m.sets[text] = set
	return set, nil
}
