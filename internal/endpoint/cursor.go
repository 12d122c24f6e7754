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

// defaultPage is the number of items of a page when the request does not name a limit.
const defaultPage = 50

// cursorSize is eight bytes of milliseconds and a UUID.
const cursorSize = 8 + 16

// Cursor returns the cursor of the page that begins after an item. at is when the item
// was made, and id is its UUID. Callers must not depend on its form.
func Cursor(at time.Time, id string) string {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return ""
	}
	raw := binary.BigEndian.AppendUint64(make([]byte, 0, cursorSize), uint64(at.UnixMilli()))
	return base64.RawURLEncoding.EncodeToString(append(raw, parsed[:]...))
}

// ParseCursor returns the time and the id of a cursor, or zero values for "". The error
// is a refusal that names the field cursor.
func ParseCursor(text string) (time.Time, string, error) {
	if text == "" {
		return time.Time{}, "", nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != cursorSize {
		return time.Time{}, "", problem.Field("cursor", "use next_cursor of the previous page, unchanged")
	}
	at := time.UnixMilli(int64(binary.BigEndian.Uint64(raw))).UTC()
	return at, uuid.UUID(raw[8:]).String(), nil
}

// PageLimit returns the number of items of a page: n, or the default if n is 0.
func PageLimit(n int) (int, error) {
	switch {
	case n == 0:
		return defaultPage, nil
	case n < 0 || n > api.MaxPage:
		return 0, problem.Field("limit", fmt.Sprintf("expected 1 to %d", api.MaxPage))
	}
	return n, nil
}

// Window returns the cursor and the limit of a page.
func Window(p api.Page) (at time.Time, id string, limit int, err error) {
	at, id, err = ParseCursor(p.Cursor)
	if err == nil {
		limit, err = PageLimit(p.Limit)
	}
	return at, id, limit, err
}

// Cut shortens a list to limit items, and reports whether it had more. Read one item
// more than the limit to learn whether there is a next page.
func Cut[T any](list []T, limit int) ([]T, bool) {
	if len(list) > limit {
		return list[:limit], true
	}
	return list, false
}
