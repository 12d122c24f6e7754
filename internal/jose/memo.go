package jose

import "sync"

// maxMemo is the greatest number of key sets in a Memo.
const maxMemo = 256

// Memo caches parsed key sets by their text. It is for text that is used again and again,
// such as a client's registered key: parsing an RSA key costs more than verifying with it,
// because of the checks for weak keys. The zero value is ready. Safe for concurrent use.
type Memo struct {
	mu   sync.Mutex
	sets map[string]KeySet
}

// Parse is [ParseKeySet]. It does not cache errors.
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
