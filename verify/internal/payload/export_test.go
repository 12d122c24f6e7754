package payload

// Flat reads claims with the fast reader.
func Flat(data []byte) (names, values [][]byte, ok bool) {
	members, ok := flat(nil, data)
	for i := 0; i < len(members); i += 2 {
		names, values = append(names, members[i]), append(values, members[i+1])
	}
	return names, values, ok
}
