package verify

// Cached returns how many tokens are cached and how much memory they take.
func (v *Verifier) Cached() (count, bytes int64) {
	if v.cache == nil {
		return 0, 0
	}
	return v.cache.count.Load(), v.cache.size.Load()
}

// Digest returns the digest of a token for the cache.
func (v *Verifier) Digest(token string) (hi, lo uint64) {
	_, d := v.cache.find(token)
	return d.hi, d.lo
}

// NextEpoch makes all that was verified be verified again.
func (v *Verifier) NextEpoch() { v.epoch.Add(1) }

// Flat reads claims in the fast way.
func Flat(data []byte) (names, values [][]byte, ok bool) {
	members, ok := flat(nil, data)
	for i := 0; i < len(members); i += 2 {
		names, values = append(names, members[i]), append(values, members[i+1])
	}
	return names, values, ok
}
