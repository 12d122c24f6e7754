// Package problem makes error answers (RFC 9457). A package that has routes
// declares a [Row] for each error that they return, and joins the rows to a
// [Table]. An error without a row is a plain 500, and its text is only in the log.
package problem

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/portaria/portaria/api"
)

// typePrefix makes a code a URI, as RFC 9457 §3.1.1 asks.
const typePrefix = "urn:portaria:problem:"

// unavailableFor is the Retry-After of a 503 when the error does not say one.
const unavailableFor = 5 * time.Second

// Challenges for the header WWW-Authenticate: of RFC 6750 §3, and of RFC 7617.
const (
	Basic        = `Basic realm="portaria", charset="UTF-8"`
	Bearer       = "Bearer"
	InvalidToken = `Bearer error="invalid_token"`
)

// Row says how one error is answered. It is also one line of
// docs/reference/problems.md.
type Row struct {
	// Err is matched with errors.Is. It is nil in a row that is answered by
	// [Row.Refuse] alone.
	Err    error
	Status int
	// Code is stable: programs decide by it.
	Code string
	// Title says what failed, Detail what the caller can do.
	Title, Detail string
	// Challenge is the header WWW-Authenticate; empty sends none.
	Challenge string
	// Logged has the error written to the log as one to look into.
	Logged bool
}

// Answer is what the caller gets.
type Answer struct {
	api.Problem
	// Challenge is the header WWW-Authenticate; empty sends none.
	Challenge string
	// RetryAfter is the header of this name, rounded up to seconds; zero sends none.
	RetryAfter time.Duration
	// Unexpected reports that the text of the error belongs in the log.
	Unexpected bool
}

// retryLater is implemented by errors that know when to try again.
type retryLater interface{ RetryAfter() time.Duration }

// Answer returns the answer for an error that this row is about. err may be nil.
func (r Row) Answer(err error) Answer {
	a := Answer{
		Problem: api.Problem{
			Type:   typePrefix + r.Code,
			Title:  r.Title,
			Status: r.Status,
			Code:   r.Code,
			Detail: r.Detail,
		},
		Challenge:  r.Challenge,
		Unexpected: r.Logged,
	}
	var later retryLater
	if errors.As(err, &later) {
		a.RetryAfter = later.RetryAfter()
	}
	if r.Status == http.StatusServiceUnavailable && a.RetryAfter == 0 {
		a.RetryAfter = unavailableFor
	}
	return a
}

// Refuse returns an error that is answered as this row says, in every table.
func (r Row) Refuse() error { return &Refusal{row: r} }

// Refusal is an error that carries its own answer. It names fields and positions,
// and never repeats a value that the caller sent.
type Refusal struct {
	row    Row
	fields []api.ProblemField
}

// Error is for logs; like the answer it holds no values.
func (e *Refusal) Error() string { return e.row.Code + ": " + e.row.Detail }

func (e *Refusal) answer() Answer {
	a := e.row.Answer(e)
	a.Errors = e.fields
	return a
}

// Table finds the answer for an error. The zero value has no rows.
type Table struct{ rows []Row }

// Join returns a table of rows. The first row that matches an error counts.
func Join(rows ...[]Row) Table { return Table{slices.Concat(rows...)} }

// Rows returns all rows, those of this package last.
func (t Table) Rows() []Row { return slices.Concat(t.rows, general()) }

// Of returns the answer for an error, which must not be nil.
func (t Table) Of(err error) Answer {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal.answer()
	}
	for _, r := range t.rows {
		if r.Err != nil && errors.Is(err, r.Err) {
			return r.Answer(err)
		}
	}
	if errors.Is(err, context.Canceled) {
		return abandoned.Answer(err)
	}
	return internal.Answer(err)
}

// Encode returns the body of the answer.
func (a Answer) Encode() []byte {
	body, err := json.Marshal(a.Problem)
	if err != nil {
		panic(err) // a struct of strings and numbers
	}
	return append(body, '\n')
}

// WriteHeaders sets the headers that belong to the answer.
func (a Answer) WriteHeaders(h http.Header) {
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if a.Challenge != "" {
		h.Set("WWW-Authenticate", a.Challenge)
	}
	if a.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(a.RetryAfter.Seconds()))))
	}
}

// Write sends the answer.
func (a Answer) Write(w http.ResponseWriter) {
	a.WriteHeaders(w.Header())
	body := a.Encode()
	w.WriteHeader(a.Status)
	_, _ = w.Write(body) // the caller has gone
}
