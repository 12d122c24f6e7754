// Package store holds what all stores tell alike.
package store

import "errors"

// ErrUnavailable says that the database did not answer in time, cannot be
// reached, or can take no more: nothing that a caller did is wrong, and the
// same again may do later. Whether a write took place is not known.
var ErrUnavailable = errors.New("store unavailable")
