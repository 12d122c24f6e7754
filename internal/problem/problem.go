// Package problem makes error responses (RFC 9457). A package with routes declares a
// [Row] for each error that they return. [Join] makes a [Table] of all rows. An error
// without a row is answered with a plain 500, and its text is written only to the log.
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

// typePrefix, followed by a code, is the URI that RFC 9457 §3.1.1 requires.
const typePrefix = "urn:portaria:problem:"

// unavailableFor is the Retry-After of a 503 if the error has none.
const unavailableFor = 5 * time.Second

// Challenges for the header WWW-Authenticate: of RFC 6750 §3, and of RFC 7617.
const (
	Basic        = `Basic realm="portaria", charset="UTF-8"`
	Bearer       = "Bearer"
	InvalidToken = `Bearer error="invalid_token"`
)

// Row is the answer to one error. It is also one line of docs/reference/problems.md.
type Row struct {
	// Err is compared with errors.Is. It is nil in a row that is used only with
	// [Row.Refuse].
	Err    error
	Status int
	// Code is stable: programs decide by it.
	Code string
	// Title says what failed, Detail what the caller can do.
	Title, Detail string
	// Challenge is the header WWW-Authenticate; empty sends none.
	Challenge string
	// Logged writes the text of the error to the log, because an operator must look
	// into it.
	Logged bool
}

// Answer is an error response: its body and its headers.
type Answer struct {
	api.Problem
	// Challenge is the header WWW-Authenticate; empty sends none.
	Challenge string
	// RetryAfter is the header of this name, rounded up to seconds; zero sends none.
	RetryAfter time.Duration
	// Unexpected reports that the text of the error belongs in the log.
	Unexpected bool
}

// retryLater is an error that knows when a repeated request can succeed.
type retryLater interface{ RetryAfter() time.Duration }

// Answer returns the answer of this row. err is the error that it answers, or nil; its
// method RetryAfter sets the header of this name.
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

// Refuse returns an error that every [Table] answers with this row.
func (r Row) Refuse() error { return &Refusal{row: r} }

// Refusal is an error with its own answer. It names fields and positions, and never
// repeats a value that the caller sent.
type Refusal struct {
	row    Row
	fields []api.ProblemField
}

// Error returns a text for logs. It has no values of the caller either.
func (e *Refusal) Error() string { return e.row.Code + ": " + e.row.Detail }

func (e *Refusal) answer() Answer {
	a := e.row.Answer(e)
	a.Errors = e.fields
	return a
}

// Table finds the answer to an error. The zero value has only the rows of this package.
type Table struct{ rows []Row }

// Join returns a table of rows. The first row that matches an error counts.
func Join(rows ...[]Row) Table { return Table{slices.Concat(rows...)} }

// Rows returns all rows. The rows of this package are the last.
func (t Table) Rows() []Row { return slices.Concat(t.rows, general()) }

// Of returns the answer to an error, which must not be nil.
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
	_, _ = w.Write(body) // an error means that the caller closed the connection
}
