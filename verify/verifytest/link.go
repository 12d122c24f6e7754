package verifytest

import (
	"context"
	"io"
	"net/http"
	"time"
)

// link is how one verifier reaches the issuer.
type link struct {
	*Issuer
	stream *pipe // that it reads now
	left   *pipe // that broke, until it has seen that
	closed bool
}

// CloseIdleConnections is called when the verifier is closed.
func (l *link) CloseIdleConnections() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.feed.moved.Broadcast()
}

// authenticated answers what only verifiers may ask.
func (l *link) authenticated(r *http.Request) (*http.Response, error) {
	if id, secret, _ := r.BasicAuth(); id != ClientID || secret != "the+verifier%27s+secret" { // as in a form
		return reply(r, http.StatusUnauthorized, nil), nil
	}
	l.mu.Lock()
	offline, partitioned := l.offline, l.feed.partitioned
	l.mu.Unlock()
	if offline || partitioned && r.URL.Path != "/introspect" {
		return nil, errOffline
	}
	if r.URL.Path == "/introspect" {
		return l.introspect(r), nil
	}
	return l.serve(r), nil
}

// serve answers with what the feed's server writes, as it is written.
func (l *link) serve(r *http.Request) *http.Response {
	ctx, cancel := context.WithCancel(r.Context())
	p := &pipe{link: l, header: http.Header{}, status: http.StatusOK, began: make(chan struct{}), cancel: cancel}
	context.AfterFunc(ctx, func() { p.end(context.Canceled) })
	if r.URL.Path == "/rev/v1/feed" {
		l.mu.Lock()
		l.stream = p
		if !l.listed() {
			l.feed.links = append(l.feed.links, l)
		}
		l.mu.Unlock()
	}
	go func() {
		l.feed.server.ServeHTTP(p, r.WithContext(ctx))
		p.WriteHeader(http.StatusOK)
		p.end(io.EOF)
	}()
	<-p.began
	return &http.Response{StatusCode: p.status, ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: -1, Header: p.header, Body: p}
}

func (l *link) listed() bool {
	for _, other := range l.feed.links {
		if other == l {
			return true
		}
	}
	return false
}

// pipe is a body that arrives as late as the issuer's feed is delayed. Its
// fields are guarded by the issuer's lock.
type pipe struct {
	link    *link
	header  http.Header
	status  int
	began   chan struct{}
	started bool
	cancel  func()
	chunks  []chunk
	err     error // for the reader, after the chunks
	writes  int
	reading bool // somebody waits
}

type chunk struct {
	at   time.Time
	data []byte
}

// Header is the answer's.
func (p *pipe) Header() http.Header { return p.header }

// WriteHeader begins the answer.
func (p *pipe) WriteHeader(status int) {
	p.link.mu.Lock()
	defer p.link.mu.Unlock()
	if !p.started {
		p.started, p.status = true, status
		close(p.began)
	}
}

// Flush does nothing: nothing is held back.
func (p *pipe) Flush() {}

// Write sends.
func (p *pipe) Write(data []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	p.link.mu.Lock()
	defer p.link.mu.Unlock()
	if p.err != nil {
		return 0, p.err
	}
	p.chunks = append(p.chunks, chunk{p.link.now, append([]byte(nil), data...)})
	p.writes++
	p.link.feed.moved.Broadcast()
	return len(data), nil
}

// due tells whether there is something to read.
func (p *pipe) due() bool {
	return len(p.chunks) > 0 && !p.link.now.Before(p.chunks[0].at.Add(p.link.feed.delay))
}

// Read receives, late.
func (p *pipe) Read(into []byte) (int, error) {
	p.link.mu.Lock()
	defer p.link.mu.Unlock()
	p.reading = true
	defer func() { p.reading = false }()
	for !p.due() {
		if p.err != nil && (p.err != io.EOF || len(p.chunks) == 0) {
			return 0, p.err
		}
		p.link.feed.moved.Broadcast()
		p.link.feed.moved.Wait()
	}
	n := copy(into, p.chunks[0].data)
	if p.chunks[0].data = p.chunks[0].data[n:]; len(p.chunks[0].data) == 0 {
		p.chunks = p.chunks[1:]
	}
	return n, nil
}

// Close ends the answer for both sides.
func (p *pipe) Close() error {
	p.link.mu.Lock()
	defer p.link.mu.Unlock()
	if p.link.left == p {
		p.link.left = nil
	}
	p.breakOff(context.Canceled)
	return nil
}

func (p *pipe) end(err error) {
	p.link.mu.Lock()
	defer p.link.mu.Unlock()
	p.breakOff(err)
}

// breakOff is end for who holds the lock. What was sent and not received is
// lost unless the answer is whole.
func (p *pipe) breakOff(err error) {
	if p.err == nil {
		if p.err = err; err != io.EOF {
			p.chunks = nil
		}
	}
	if p.link.stream == p {
		p.link.stream = nil
	}
	p.cancel()
	p.link.feed.moved.Broadcast()
}

// cut breaks all streams. The lock is held.
func (v *revocations) cut() {
	for _, l := range v.links {
		if l.stream != nil {
			l.left = l.stream
			l.stream.breakOff(errOffline)
		}
	}
}

// patience is how long settle waits, of the real time.
const patience = 10 * time.Second

// settle waits until every verifier that followed the feed once has got all of
// it that is due by now.
func (i *Issuer) settle() {
	i.t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	late := false
	timer := time.AfterFunc(patience, func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		late = true
		i.feed.moved.Broadcast()
	})
	defer timer.Stop()
	// The first write may have been assembled before, and the second may hold a
	// rule alone. The third has a heartbeat from after this call.
	for range 3 {
		before := map[*pipe]int{}
		for _, l := range i.feed.links {
			if l.stream != nil {
				before[l.stream] = l.stream.writes
			}
		}
		i.mu.Unlock()
		i.feed.log.Beat()
		i.mu.Lock()
		for !i.settled(before) {
			if late {
				i.t.Errorf("a verifier does not follow the feed")
				return
			}
			i.feed.moved.Wait()
		}
	}
}

func (i *Issuer) settled(before map[*pipe]int) bool {
	for _, l := range i.feed.links {
		p := l.stream
		if !l.closed && l.left != nil {
			return false
		}
		if !i.offline && !i.feed.partitioned && !l.closed && (p == nil || p.writes == before[p] || p.due() || !p.reading) {
			return false
		}
	}
	return true
}
