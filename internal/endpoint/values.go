package endpoint

import (
	"strings"
	"time"
)

// Seconds returns a duration in whole seconds, as the API writes it.
func Seconds(d time.Duration) int64 { return int64(d / time.Second) }

// Optional returns nil for the zero time, so that the response leaves it out.
func Optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Printable returns text of a caller in a form that is safe to store and to show: valid
// UTF-8 without control characters, of at most limit bytes.
func Printable(s string, limit int) string {
	s = strings.ToValidUTF8(s[:min(len(s), limit)], "")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return -1
		}
		return r
	}, s)
}

// MatchesETag reports whether a header If-None-Match names the ETag. It is the
// weak comparison of RFC 9110 §13.1.2.
func MatchesETag(ifNoneMatch, etag string) bool {
	for candidate := range strings.SplitSeq(ifNoneMatch, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == etag || candidate == "*" {
			return true
		}
	}
	return false
}
