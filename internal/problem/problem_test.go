package problem_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/problem"
)

var (
	errEnded = errors.New("session: ended")
	errAway  = errors.New("store unavailable")
	rows     = []problem.Row{
		{Err: errEnded, Status: http.StatusUnauthorized, Code: "session_ended", Title: "The session has ended.", Challenge: problem.InvalidToken},
		{Err: errAway, Status: http.StatusServiceUnavailable, Code: "unavailable", Title: "The service is unavailable.", Logged: true},
	}
	table = problem.Join(rows)
)

// later is an error that knows when to try again.
type later struct{ error }

func (later) RetryAfter() time.Duration { return 1500 * time.Millisecond }

func (l later) Unwrap() error { return l.error }

func TestWrappedErrorsKeepTheirRow(t *testing.T) {
	a := table.Of(fmt.Errorf("refresh: %w", errEnded))
	if a.Status != http.StatusUnauthorized || a.Code != "session_ended" || a.Unexpected || a.Type != "urn:portaria:problem:session_ended" {
		t.Fatalf("%+v", a)
	}
}

func TestTheFirstRowCounts(t *testing.T) {
	other := []problem.Row{{Err: errEnded, Status: http.StatusGone, Code: "other"}}
	if a := problem.Join(rows, other).Of(errEnded); a.Code != "session_ended" {
		t.Errorf("%+v", a)
	}
	if a := problem.Join(other, rows).Of(errEnded); a.Code != "other" {
		t.Errorf("%+v", a)
	}
}

func TestUnknownErrorsSayNothing(t *testing.T) {
	for name, table := range map[string]problem.Table{"a table": table, "the zero value": {}} {
		a := table.Of(errors.New("pq: password authentication failed for user admin"))
		if a.Status != http.StatusInternalServerError || !a.Unexpected || strings.Contains(string(a.Encode()), "pq:") {
			t.Errorf("%s: %s", name, a.Encode())
		}
	}
}

func TestHeaders(t *testing.T) {
	w := httptest.NewRecorder()
	table.Of(later{errAway}).Write(w)
	h := w.Header()
	if w.Code != 503 || h.Get("Retry-After") != "2" || h.Get("Content-Type") != "application/problem+json" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", w.Code, h)
	}
	w = httptest.NewRecorder()
	table.Of(problem.InsufficientScope("a:b")).Write(w)
	if w.Header().Get("WWW-Authenticate") != `Bearer error="insufficient_scope", scope="a:b"` || w.Header().Get("Retry-After") != "" {
		t.Errorf("%v", w.Header())
	}
}

func TestEvery503SaysWhenToComeBack(t *testing.T) {
	a := table.Of(fmt.Errorf("find session: %w: dial tcp 10.0.0.1: refused", errAway))
	if a.Status != http.StatusServiceUnavailable || a.RetryAfter == 0 || !a.Unexpected || strings.Contains(string(a.Encode()), "10.0.0.1") {
		t.Fatalf("%+v", a)
	}
}

func TestACallerWhoHasGoneIsNoFaultOfOurs(t *testing.T) {
	if a := table.Of(fmt.Errorf("find session: %w", context.Canceled)); a.Status != 499 || a.Unexpected {
		t.Fatalf("%+v", a)
	}
}

func TestFieldNamesAndNumberAreBounded(t *testing.T) {
	fields := make([]api.ProblemField, 1000)
	for i := range fields {
		fields[i] = api.ProblemField{Field: strings.Repeat("é", 1000), Detail: "unknown field"}
	}
	a := table.Of(problem.Fields(fields...))
	if len(a.Errors) != 16 || len([]rune(a.Errors[0].Field)) > 65 {
		t.Fatalf("%d fields, the first of %d characters", len(a.Errors), len([]rune(a.Errors[0].Field)))
	}
	var p api.Problem
	if err := json.Unmarshal(a.Encode(), &p); err != nil || p.Status != 422 {
		t.Fatalf("%v %+v", err, p)
	}
}
