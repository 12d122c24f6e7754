package main

import (
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/api"
)

// startPause is how long a request waits for the end of the start. A start that
// does not wait for a database is over sooner.
const startPause = time.Second

// answering is the API, and what it answers when no route can.
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

// ends lets the API serve from now on.
func (s *starting) ends(api answering) {
	s.once.Do(func() {
		s.api = api
		close(s.ready)
	})
}

// ServeHTTP implements [http.Handler].
func (s *starting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.leaving.Load() && r.Method == http.MethodGet && r.URL.Path == "/readyz" {
		writeJSON(w, http.StatusServiceUnavailable, "application/json",
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
		writeJSON(w, http.StatusOK, "application/json", api.Health{Status: "ok"})
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

// either lets the API answer, if it is there.
func (s *starting) either(w http.ResponseWriter, r *http.Request, answer func(answering, http.ResponseWriter, *http.Request)) {
	select {
	case <-s.ready:
		answer(s.api, w, r)
	default:
		s.notYet(w, r)
	}
}

// notYet says that the service is starting.
func (s *starting) notYet(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Retry-After", "2")
	writeJSON(w, http.StatusServiceUnavailable, "application/problem+json", api.Problem{
		Type: "urn:portaria:problem:unavailable", Title: "The service is starting.", Status: http.StatusServiceUnavailable,
		Code: "unavailable", Detail: "Try again after the time in Retry-After.",
	})
}

func writeJSON(w http.ResponseWriter, status int, kind string, body any) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // nobody is left to hear of an error
}
