// Package store holds the error that all stores have in common.
package store

import "errors"

// ErrUnavailable reports that the database is not reachable, too slow, full or
// read-only. The request is not at fault: try it again later. It is unknown whether a
// write happened.
var ErrUnavailable = errors.New("store unavailable")
