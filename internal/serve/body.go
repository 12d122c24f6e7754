package serve

import (
	"io"
	"net/http"
)

// body is a request body that ends in *http.MaxBytesError beyond its limit. In
// difference to http.MaxBytesReader it is part of the exchange (no allocation)
// and refuses by the announced length, before the first byte is read.
type body struct {
	io.ReadCloser
	limit, left, length int64
}

// Read reads up to the limit. A body that is longer fails, it is not cut.
func (b *body) Read(data []byte) (int, error) {
	if b.length > b.limit || b.left < 0 {
		return 0, &http.MaxBytesError{Limit: b.limit}
	}
	n, err := b.ReadCloser.Read(data)
	if int64(n) <= b.left {
		b.left -= int64(n)
		return n, err
	}
	n, b.left = int(b.left), -1
	return n, &http.MaxBytesError{Limit: b.limit}
}
