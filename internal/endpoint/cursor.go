package endpoint

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/problem"
)

// defaultPage is how many items a page answers when the caller does not say.
const defaultPage = 50

// cursorSize is eight bytes of milliseconds and a UUID.
const cursorSize = 8 + 16

// Cursor names a place in a list, opaque to callers: the list goes on after
// the item that was made at this time and has this id.
func Cursor(at time.Time, id string) string {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return ""
	}
	raw := binary.BigEndian.AppendUint64(make([]byte, 0, cursorSize), uint64(at.UnixMilli()))
	return base64.RawURLEncoding.EncodeToString(append(raw, parsed[:]...))
}

func ParseCursor(text string) (time.Time, string, error) {
	if text == "" {
		return time.Time{}, "", nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != cursorSize {
		return time.Time{}, "", problem.Field("cursor", "use next_cursor of a page before, unchanged")
	}
	at := time.UnixMilli(int64(binary.BigEndian.Uint64(raw))).UTC()
	return at, uuid.UUID(raw[8:]).String(), nil
}

func PageLimit(n int) (int, error) {
	switch {
	case n == 0:
		return defaultPage, nil
	case n < 0 || n > api.MaxPage:
		return 0, problem.Field("limit", fmt.Sprintf("expected 1 to %d", api.MaxPage))
	}
	return n, nil
}

// Window reads what part of a list a caller asks for.
func Window(p api.Page) (at time.Time, id string, limit int, err error) {
	at, id, err = ParseCursor(p.Cursor)
	if err == nil {
		limit, err = PageLimit(p.Limit)
	}
	return at, id, limit, err
}

// Cut shortens a list that was asked for with one item too many, and reports
// whether there was one.
func Cut[T any](list []T, limit int) ([]T, bool) {
	if len(list) > limit {
		return list[:limit], true
	}
	return list, false
}
