package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// fixed is an API with one answer.
type fixed int

func (f fixed) ServeHTTP(w http.ResponseWriter, _ *http.Request)      { w.WriteHeader(int(f)) }
func (f fixed) Panicked(w http.ResponseWriter, _ *http.Request)       { w.WriteHeader(int(f)) }
func (f fixed) HeaderTooLarge(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(f)) }

// TestRequestsDuringTheStart: the probe of a process that waits for its database
// is good, that of its readiness is not, and a short start makes nobody fail.
func TestRequestsDuringTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStarting()
		ask := func(path string) (status int, took time.Duration) {
			began, w := time.Now(), httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if (w.Code == http.StatusServiceUnavailable) != (w.Header().Get("Retry-After") != "") {
				t.Errorf("%s: %d with Retry-After %q", path, w.Code, w.Header().Get("Retry-After"))
			}
			return w.Code, time.Since(began)
		}
		if status, took := ask("/healthz"); status != http.StatusOK || took != 0 {
			t.Errorf("health: %d after %v", status, took)
		}
		if status, took := ask("/readyz"); status != http.StatusServiceUnavailable || took != startPause {
			t.Errorf("readiness: %d after %v", status, took)
		}
		w := httptest.NewRecorder()
		if s.headerTooLarge(w, httptest.NewRequest("GET", "/", nil)); w.Code != http.StatusServiceUnavailable {
			t.Errorf("a large header: %d", w.Code)
		}
		time.AfterFunc(startPause/2, func() { s.ends(fixed(http.StatusTeapot)) })
		if status, took := ask("/readyz"); status != http.StatusTeapot || took != startPause/2 {
			t.Errorf("a short start: %d after %v", status, took)
		}
		w = httptest.NewRecorder()
		if s.panicked(w, httptest.NewRequest("GET", "/", nil)); w.Code != http.StatusTeapot {
			t.Errorf("a panic: %d", w.Code)
		}
		if status, _ := ask("/healthz"); status != http.StatusTeapot {
			t.Errorf("health after the start: %d", status)
		}
	})
}
