// Package problem is the one table from an error to what the caller is told:
// status, code and sentence (RFC 9457). What is not in the table is a plain
// 500, whose text stands only in the log.
package problem

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/store"
)

// typePrefix makes a code a URI, as RFC 9457 §3.1.1 asks.
const typePrefix = "urn:portaria:problem:"

// unavailableFor is when to try again where nothing better is known.
const unavailableFor = 5 * time.Second

// bearer and invalidToken are the challenges of RFC 6750 §3, basic is that of
// RFC 7617.
const (
	basic        = `Basic realm="portaria", charset="UTF-8"`
	bearer       = "Bearer"
	invalidToken = `Bearer error="invalid_token"`
)

// Answer is what the caller gets.
type Answer struct {
	api.Problem
	// Challenge is the WWW-Authenticate header; empty sends none.
	Challenge string
	// RetryAfter tells the caller when to come back; zero says nothing.
	RetryAfter time.Duration
	// Unexpected says that the error is ours to look into: its text belongs in
	// the log.
	Unexpected bool
}

// Of answers the problem for an error; err must not be nil.
func Of(err error) Answer {
	var input *InputError
	if errors.As(err, &input) {
		return input.answer()
	}
	for _, r := range table {
		if errors.Is(err, r.err) {
			return r.answer(err)
		}
	}
	if errors.Is(err, context.Canceled) {
		return abandoned.answer(err)
	}
	a := internal.answer(err)
	a.Unexpected = true
	return a
}

// Encode is the body of the answer.
func (a Answer) Encode() []byte {
	body, err := json.Marshal(a.Problem)
	if err != nil {
		panic(err) // a struct of strings and numbers
	}
	return append(body, '\n')
}

// row is one line of the table.
type row struct {
	err       error
	status    int
	code      string
	title     string
	detail    string
	challenge string
}

func (r row) answer(err error) Answer {
	a := Answer{
		Problem: api.Problem{
			Type:   typePrefix + r.code,
			Title:  r.title,
			Status: r.status,
			Code:   r.code,
			Detail: r.detail,
		},
		Challenge: r.challenge,
	}
	var busy *password.BusyError
	if errors.As(err, &busy) {
		a.RetryAfter = busy.RetryAfter
	}
	if r.status == http.StatusServiceUnavailable && a.RetryAfter == 0 {
		a.RetryAfter = unavailableFor
	}
	a.Unexpected = r.err == store.ErrUnavailable
	return a
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
