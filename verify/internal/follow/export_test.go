package follow

import "io"

// ReadSnapshot returns how many rules a snapshot has.
func ReadSnapshot(body io.Reader) (int, error) {
	_, all, err := readSnapshot(body)
	return len(all), err
}
