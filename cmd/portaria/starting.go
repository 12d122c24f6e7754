package main

import (
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/serve"
)

// startPause is how long a request waits for the end of the start. A start that
// does not wait for a database is over sooner.
const startPause = time.Second

// startRetry is when a request that came too early may be repeated.
const startRetry = 2 * time.Second

// answering is the API with its answer to unknown routes.
type answering interface {
	http.Handler
	Panicked(w http.ResponseWriter, r *http.Request)
	HeaderTooLarge(w http.ResponseWriter, r *http.Request)
}

// starting serves requests before the API is ready: the service may wait for its
// database for a minute. GET /healthz is 200, because the process runs and an
// orchestrator must not restart it. Everything else is 503.
//
// It also reports that the service is not ready while it stops.
type starting struct {
	api     answering     // set before ready is closed
	ready   chan struct{} // closed when the API is there
	once    sync.Once
	leaving atomic.Bool // the process received a signal to stop
}

func newStarting() *starting { return &starting{ready: make(chan struct{})} }

// leave makes GET /readyz fail from now on.
func (s *starting) leave() { s.leaving.Store(true) }

// ends serves the API from now on.
func (s *starting) ends(api answering) {
	s.once.Do(func() {
		s.api = api
		close(s.ready)
	})
}

// ServeHTTP implements [http.Handler].
func (s *starting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.leaving.Load() && r.Method == http.MethodGet && r.URL.Path == "/readyz" {
		writeHealth(w, http.StatusServiceUnavailable,
			api.Health{Status: "unavailable", Checks: map[string]string{"shutdown": "unavailable"}})
		return
	}
	select {
	case <-s.ready:
		s.api.ServeHTTP(w, r)
		return
	default:
	}
	if r.Method == http.MethodGet && r.URL.Path == "/healthz" {
		writeHealth(w, http.StatusOK, api.Health{Status: "ok"})
		return
	}
	timer := time.NewTimer(startPause)
	defer timer.Stop()
	select {
	case <-s.ready:
		s.api.ServeHTTP(w, r)
	case <-timer.C:
		s.notYet(w, r)
	case <-r.Context().Done():
	}
}

func (s *starting) panicked(w http.ResponseWriter, r *http.Request) {
	s.either(w, r, answering.Panicked)
}

func (s *starting) headerTooLarge(w http.ResponseWriter, r *http.Request) {
	s.either(w, r, answering.HeaderTooLarge)
}

// either serves the API if it is ready.
func (s *starting) either(w http.ResponseWriter, r *http.Request, answer func(answering, http.ResponseWriter, *http.Request)) {
	select {
	case <-s.ready:
		answer(s.api, w, r)
	default:
		s.notYet(w, r)
	}
}

// notYet answers that the service is starting.
func (s *starting) notYet(w http.ResponseWriter, r *http.Request) {
	answer := problem.Row{Status: http.StatusServiceUnavailable, Code: "unavailable", Title: "The service is starting.",
		Detail: "Try again after the time in Retry-After."}.Answer(nil)
	answer.RetryAfter, answer.RequestID = startRetry, serve.RequestID(r.Context())
	answer.Write(w)
}

func writeHealth(w http.ResponseWriter, status int, body api.Health) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // an error means that the caller has gone
}
