package main

import (
	"context"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestNoticed: tests that fail on the broken code alone notice the break, and
// tests are not run after those that noticed it.
func TestNoticed(t *testing.T) {
	var ran []string
	b := bench{log: io.Discard, limits: map[string]time.Duration{}, run: func(_ context.Context, overlay, tests string, _ time.Duration) (string, bool) {
		ran = append(ran, overlay+tests)
		return "", overlay == "" || tests != "users"
	}}
	try := func(want outcome, groups ...string) {
		t.Helper()
		if got, err := b.try(t.Context(), "broken ", groups); got != want || err != nil {
			t.Errorf("%v: %v, %v", groups, got, err)
		}
	}
	try(survived, "own")
	try(noticed, "own", "users", "others")
	if want := []string{"own", "broken own", "broken own", "users", "broken users"}; !slices.Equal(ran, want) {
		t.Errorf("ran %q, want %q", ran, want)
	}
}

// TestUnbrokenTestsMustPass: a score of tests that fail in any case would be a lie.
func TestUnbrokenTestsMustPass(t *testing.T) {
	b := bench{log: io.Discard, limits: map[string]time.Duration{}, run: func(context.Context, string, string, time.Duration) (string, bool) {
		return "a deadline", false
	}}
	if got, err := b.try(t.Context(), "broken", []string{"own"}); got != unfinished || err == nil {
		t.Errorf("%v, %v", got, err)
	}
}

// TestLimitFollowsTheTests: slow tests are not taken for tests that hang.
func TestLimitFollowsTheTests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var limits []time.Duration
		b := bench{log: io.Discard, limits: map[string]time.Duration{}, run: func(_ context.Context, _, _ string, limit time.Duration) (string, bool) {
			limits = append(limits, limit)
			time.Sleep(5 * time.Minute)
			return "", true
		}}
		if _, err := b.try(t.Context(), "broken", []string{"own"}); err != nil {
			t.Fatal(err)
		}
		if want := []time.Duration{unbrokenLimit, 16 * time.Minute}; !slices.Equal(limits, want) {
			t.Errorf("limits %v, want %v", limits, want)
		}
	})
}

func TestGroups(t *testing.T) {
	p := measured{dir: "internal/store", parts: []string{"-skip=/PostgreSQL", "-run=/PostgreSQL"}, users: []string{"internal/app"}}
	want := []string{"-skip=/PostgreSQL ./internal/store", "-run=/PostgreSQL ./internal/store", "./internal/app"}
	if got := p.groups(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := (measured{dir: "verify"}).groups(); !slices.Equal(got, []string{"./verify"}) {
		t.Errorf("got %q", got)
	}
}
