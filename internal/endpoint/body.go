package endpoint

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/problem"
)

// ReadBody returns the body of a request, which may be compressed with gzip. Package
// serve limits the size on the wire; ReadBody limits the decompressed size to
// [api.MaxBody]. Its errors are refusals of package problem.
func ReadBody(r *http.Request) ([]byte, error) {
	body := io.Reader(r.Body)
	switch strings.ToLower(strings.TrimSpace(strings.Join(r.Header.Values("Content-Encoding"), ","))) {
	case "", "identity":
	case "gzip", "x-gzip":
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, unreadable(err)
		}
		body = unpacked
	default:
		return nil, problem.UnsupportedEncoding()
	}
	text, err := io.ReadAll(io.LimitReader(body, api.MaxBody+1))
	switch {
	case err != nil:
		return nil, unreadable(err)
	case len(text) > api.MaxBody:
		return nil, problem.BodyTooLarge(api.MaxBody)
	}
	return text, nil
}

func unreadable(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return problem.BodyTooLarge(tooLarge.Limit)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return bodyNotGzip.Refuse()
	}
	return bodyIncomplete.Refuse()
}
