package feed

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"time"
)

// Squeeze makes one member of a gzip file, which may have many (RFC 1952, section
// 2.2).
func Squeeze(text []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed) // a level that exists
	_, _ = w.Write(text)                              // to memory
	_ = w.Close()
	return out.Bytes()
}

// send writes the members of a gzip file, or what is in them. An error means that
// the caller has gone.
func send(w http.ResponseWriter, members [][]byte, packed bool) {
	if packed {
		w.Header().Set("Content-Encoding", "gzip")
	}
	control := http.NewResponseController(w)
	for _, member := range members {
		_ = control.SetWriteDeadline(time.Now().Add(writeTimeout)) // not every writer has one
		var err error
		if packed {
			_, err = w.Write(member)
		} else {
			err = unpack(w, member)
		}
		if err != nil {
			return
		}
	}
}

func unpack(w io.Writer, member []byte) error {
	text, err := gzip.NewReader(bytes.NewReader(member))
	if err != nil {
		return err
	}
	_, err = io.Copy(w, text) // made here: not a compression bomb
	return err
}

// acceptsGzip reports whether gzip may be sent; "gzip;q=0" means that it may not
// (RFC 9110, section 12.5.3).
func acceptsGzip(h http.Header) bool {
	for part := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(part, " ", ""), ";")
		if strings.EqualFold(name, "gzip") || name == "*" {
			return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
		}
	}
	return false
}

// matches reports whether If-None-Match names an ETag (RFC 9110, section 13.1.2).
func matches(header, etag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == etag || one == "*" {
			return true
		}
	}
	return false
}
