package main

import (
	"io"
	"net"
	"sync"
	"time"
)

// weather is what a proxy does to the connections through it.
type weather int

const (
	// fair hands everything on at once.
	fair weather = iota
	// cut closes all connections and takes no new ones.
	cut
	// stalled keeps connections open and hands nothing on.
	stalled
	// late hands everything on three seconds after it came.
	late
)

// lateness is how late a late proxy is: longer than the lease.
const lateness = 3 * time.Second

func (w weather) String() string {
	return [...]string{"fair", "cut off", "stalled", "3 s late"}[w]
}

// proxy is a network between verifiers and an issuer that can be made bad.
type proxy struct {
	listener net.Listener
	target   string

	mu      sync.Mutex
	changed chan struct{} // closed when weather changes
	weather weather
	open    map[net.Conn]bool
}

func startProxy(target string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, target: target, changed: make(chan struct{}), open: map[net.Conn]bool{}}
	go p.accept()
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) close() {
	_ = p.listener.Close()
	p.set(cut)
}

// set changes the weather. Connections do not outlive a cut.
func (p *proxy) set(w weather) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.weather = w
	close(p.changed)
	p.changed = make(chan struct{})
	if w == cut {
		for conn := range p.open {
			_ = conn.Close()
		}
	}
}

func (p *proxy) now() (weather, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.weather, p.changed
}

// hold keeps a connection among those that a cut closes, unless it is cut.
func (p *proxy) hold(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.weather == cut {
		return false
	}
	p.open[conn] = true
	return true
}

func (p *proxy) release(conn net.Conn) {
	_ = conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, conn)
}

func (p *proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.serve(conn)
	}
}

func (p *proxy) serve(conn net.Conn) {
	if !p.hold(conn) {
		_ = conn.Close()
		return
	}
	defer p.release(conn)
	behind, err := net.DialTimeout("tcp", p.target, time.Second)
	if err != nil {
		return
	}
	if !p.hold(behind) {
		_ = behind.Close()
		return
	}
	defer p.release(behind)
	go p.copy(behind, conn)
	p.copy(conn, behind)
}

// part is what was read at one time.
type part struct {
	data []byte
	at   time.Time
}

// copy hands on what comes, as the weather has it. Late parts follow each
// other as they came: only all of them later.
func (p *proxy) copy(to, from net.Conn) {
	parts := make(chan part, 1024)
	go func() {
		defer close(parts)
		for {
			buffer := make([]byte, 32<<10)
			n, err := from.Read(buffer)
			if n > 0 {
				parts <- part{buffer[:n], time.Now()}
			}
			if err != nil {
				return
			}
		}
	}()
	for next := range parts {
		p.await(next.at)
		if _, err := to.Write(next.data); err != nil {
			break
		}
	}
	closeWrite(to)
	for range parts { // the reader ends with its connection
		continue
	}
}

// await returns when the weather lets a part through.
func (p *proxy) await(came time.Time) {
	for {
		w, changed := p.now()
		var due <-chan time.Time
		switch w {
		case fair, cut: // a cut has closed the connection
			return
		case late:
			due = time.After(time.Until(came.Add(lateness)))
		}
		select {
		case <-due:
			return
		case <-changed:
		}
	}
}

func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		return
	}
	_, _ = io.WriteString(conn, "")
}
