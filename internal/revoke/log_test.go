package revoke_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
)

func TestEntriesAreChecked(t *testing.T) {
	good := revoke.Entry{Kind: rule.Session, Value: "sid", Mode: rule.Soft, At: time.Unix(1, 0)}
	with := func(change func(*revoke.Entry)) revoke.Entry {
		e := good
		change(&e)
		return e
	}
	taken := map[string]revoke.Entry{
		"a session": good,
		"a pair":    with(func(e *revoke.Entry) { e.Kind, e.Value = rule.AccountAtClient, rule.Pair("ana", "shop") }),
		"a key":     with(func(e *revoke.Entry) { e.Kind, e.Mode = rule.Key, rule.Hard }),
	}
	for name, e := range taken {
		if err := e.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused := map[string]revoke.Entry{
		"nothing":         {},
		"no kind":         with(func(e *revoke.Entry) { e.Kind = "" }),
		"another kind":    with(func(e *revoke.Entry) { e.Kind = "x" }),
		"no mode":         with(func(e *revoke.Entry) { e.Mode = "" }),
		"no value":        with(func(e *revoke.Entry) { e.Value = "" }),
		"no time":         with(func(e *revoke.Entry) { e.At = time.Time{} }),
		"a long value":    with(func(e *revoke.Entry) { e.Value = strings.Repeat("x", revoke.MaxValue+1) }),
		"a long reason":   with(func(e *revoke.Entry) { e.Reason = strings.Repeat("x", revoke.MaxReason+1) }),
		"a key of bytes":  with(func(e *revoke.Entry) { e.Key = "\xff\xfe" }),
		"a key of two":    with(func(e *revoke.Entry) { e.Key = "a\nb" }),
		"a long accent":   with(func(e *revoke.Entry) { e.Reason = strings.Repeat("é", revoke.MaxReason+1) }),
		"a long key":      with(func(e *revoke.Entry) { e.Key = strings.Repeat("x", revoke.MaxKey+1) }),
		"a soft dead key": with(func(e *revoke.Entry) { e.Kind = rule.Key }),
		"a pair elsewhere": with(func(e *revoke.Entry) {
			e.Value = rule.Pair("ana", "shop")
		}),
		"half a pair":         with(func(e *revoke.Entry) { e.Kind, e.Value = rule.AccountAtClient, "ana\x00" }),
		"the other half":      with(func(e *revoke.Entry) { e.Kind, e.Value = rule.AccountAtClient, "\x00shop" }),
		"no pair":             with(func(e *revoke.Entry) { e.Kind, e.Value = rule.AccountAtClient, "ana" }),
		"three":               with(func(e *revoke.Entry) { e.Kind, e.Value = rule.AccountAtClient, "ana\x00shop\x00x" }),
		"the mark of a store": with(func(e *revoke.Entry) { e.Value = "a\x1fb" }),
		"no text":             with(func(e *revoke.Entry) { e.Value = "\xff" }),
	}
	for name, e := range refused {
		if err := e.Check(); !errors.Is(err, revoke.ErrEntry) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPlaces(t *testing.T) {
	for _, place := range [][2]int64{{1, 0}, {1, rule.LastOfEpoch}, {2, 1}, {1<<21 - 1, rule.LastOfEpoch}} {
		seq := rule.Seq(place[0], place[1])
		if epoch, n := rule.Split(seq); epoch != place[0] || n != place[1] || seq > rule.MaxSeq {
			t.Errorf("%v is %d, which is %d and %d", place, seq, epoch, n)
		}
	}
}

// TestHashes are fixed: every verifier computes them.
func TestHashes(t *testing.T) {
	salt := []byte("0123456789abcdef")
	a := rule.Hash(salt, rule.Session, "https://a.example", "x")
	others := map[string][rule.HashSize]byte{
		"salt":   rule.Hash([]byte("0123456789abcdeg"), rule.Session, "https://a.example", "x"),
		"kind":   rule.Hash(salt, rule.Token, "https://a.example", "x"),
		"issuer": rule.Hash(salt, rule.Session, "https://b.example", "x"),
		"value":  rule.Hash(salt, rule.Session, "https://a.example", "y"),
	}
	for name, other := range others {
		if other == a {
			t.Errorf("another %s, the same hash", name)
		}
	}
	if rule.Hash(salt, rule.Session, "https://a.example", "x") != a {
		t.Error("not the same twice")
	}
}
