package endpoint_test

import (
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
)

// A cursor that a caller holds must lead to the same position after an upgrade.
func TestKnownCursor(t *testing.T) {
	const known, id = "AAABuOCUmy4AESIzRFVmd4iZqrvM3e7_", "00112233-4455-6677-8899-aabbccddeeff"
	at := time.UnixMilli(1893553445678).UTC()
	if got := endpoint.Cursor(at, id); got != known {
		t.Errorf("cursor %s", got)
	}
	if when, which, err := endpoint.ParseCursor(known); err != nil || !when.Equal(at) || which != id {
		t.Errorf("%v %s %v", when, which, err)
	}
	for n := 1; n < len(known); n++ {
		if _, _, err := endpoint.ParseCursor(known[:n]); err == nil {
			t.Errorf("%q is a cursor", known[:n])
		}
	}
}

func TestPageLimit(t *testing.T) {
	for n, want := range map[int]int{-1: 0, 0: 50, 1: 1, api.MaxPage: api.MaxPage, api.MaxPage + 1: 0} {
		if got, err := endpoint.PageLimit(n); got != want || (err != nil) != (want == 0) {
			t.Errorf("%d: %d, %v", n, got, err)
		}
	}
	list := []int{1, 2, 3}
	for limit, more := range map[int]bool{2: true, 3: false, 4: false} {
		if got, was := endpoint.Cut(list, limit); was != more || len(got) != min(limit, 3) {
			t.Errorf("%d of 3: %v, %v", limit, got, was)
		}
	}
}
