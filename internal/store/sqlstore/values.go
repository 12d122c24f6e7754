package sqlstore

import (
	"database/sql"
	"math"
	"time"
)

// Moments rest as whole milliseconds, rounded down, on both engines.

func millis(t time.Time) int64 { return t.UnixMilli() }

func moment(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// nullMillis keeps the zero time as NULL.
func nullMillis(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()}
}

func nullMoment(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return moment(ms.Int64)
}

// present keeps no bytes as an empty value: nil would be NULL, which equals
// nothing.
func present(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// bytesOrNil is the reverse of present, the same on both engines.
func bytesOrNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// before is the position from which a page continues: newest first, so the
// zero position stands after the end of time.
func before(createdAt time.Time, id string) (int64, string) {
	if createdAt.IsZero() && id == "" {
		return math.MaxInt64, ""
	}
	return millis(createdAt), id
}

// maxPage bounds every page, whatever a caller asks for.
const maxPage = 1000

// pageLimit is what to ask the engine for. A negative limit means "all" to
// SQLite and an error to PostgreSQL; to us it means nothing at all.
func pageLimit(n int) int32 { return int32(min(max(n, 0), maxPage)) }
