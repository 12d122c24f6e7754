package main

import (
	"slices"
	"strings"
	"testing"
)

const example = `package p

func (c *Counter) Add(n int) error {
	if n < 0 && !c.signed {
		return err
	}
	c.total += n
	c.changed()
	return nil
}
`

func TestBreaks(t *testing.T) {
	found, err := breaksOfFile("p.go", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range found {
		got = append(got, m.kind+": "+m.before+" → "+m.after)
		if m.function != "Counter.Add" || string(m.source) == example {
			t.Errorf("%+v", m)
		}
	}
	want := []string{
		"condition: n < 0 && !c.signed → !(n < 0 && !c.signed)",
		"operator: n < 0 && !c.signed → n < 0 || !c.signed",
		"operator: n < 0 → n <= 0",
		"negation: !c.signed → c.signed",
		"error: err → nil",
		"statement: c.total += n → (nothing)",
		"statement: c.changed() → (nothing)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestTheOrderIsFixed: the same seed chooses the same breaks, also after a
// change of lines elsewhere.
func TestTheOrderIsFixed(t *testing.T) {
	order := func(source string, seed int64) (ids []string) {
		found, err := breaksOfFile("p.go", []byte(source))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range choose(found, seed) {
			ids = append(ids, m.id())
		}
		return ids
	}
	moved := strings.Replace(example, "package p", "package p\n\n// A comment.", 1)
	if !slices.Equal(order(example, 1), order(moved, 1)) {
		t.Error("a comment changes the order")
	}
	if slices.Equal(order(example, 1), order(example, 2)) {
		t.Error("the seed changes nothing")
	}
}
