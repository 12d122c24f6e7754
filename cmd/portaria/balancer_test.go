package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
)

// probeEvery is how often a balancer checks its nodes.
const probeEvery = 20 * time.Millisecond

// balancer sends requests to the nodes that pass their readiness check, in turn.
type balancer struct {
	url string

	mu    sync.Mutex
	nodes []string // addresses
	ready map[string]bool
	held  map[string]bool // the operator takes them out
	next  int
	// unanswered counts the connections of a node that have no answer yet.
	unanswered map[string]int
	errs       []error
}

func newBalancer(t *testing.T, nodes ...string) *balancer {
	t.Helper()
	b := &balancer{nodes: nodes, ready: map[string]bool{}, held: map[string]bool{}, unanswered: map[string]int{}}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "node"})
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{DialContext: b.dial, DisableKeepAlives: true, DisableCompression: true},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.errs = append(b.errs, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, err))
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	server := httptest.NewServer(proxy)
	ctx, stop := context.WithCancel(context.Background())
	var probes sync.WaitGroup
	for _, node := range nodes {
		probes.Go(func() { b.probe(ctx, node) })
	}
	t.Cleanup(func() {
		stop()
		probes.Wait()
		server.CloseClientConnections()
		server.Close()
		if t.Failed() {
			t.Logf("errors of the balancer: %v", errors.Join(b.errs...))
		}
	})
	b.url = server.URL
	return b
}

// dial connects to the next node that is ready, and to another one if that
// refuses.
func (b *balancer) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	err := errors.New("no node is ready")
	var tried []string
	for {
		node, answered := b.pick(tried)
		if node == "" {
			return nil, err
		}
		var conn net.Conn
		if conn, err = new(net.Dialer).DialContext(ctx, network, node); err == nil {
			return &nodeConn{conn, answered}, nil
		}
		answered()
		tried = append(tried, node)
	}
}

// pick returns the next usable node, and counts a request to it until answered is
// called.
func (b *balancer) pick(tried []string) (node string, answered func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	for i := range b.nodes {
		node := b.nodes[(b.next+i)%len(b.nodes)]
		if b.ready[node] && !b.held[node] && !slices.Contains(tried, node) {
			b.unanswered[node]++
			return node, sync.OnceFunc(func() {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.unanswered[node]--
			})
		}
	}
	return "", nil
}

// nodeConn notes that a node has answered.
type nodeConn struct {
	net.Conn
	answered func()
}

func (c *nodeConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.answered()
	return n, err
}

func (c *nodeConn) Close() error {
	c.answered()
	return c.Conn.Close()
}

func (b *balancer) probe(ctx context.Context, node string) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: startPatience}
	again := time.NewTicker(probeEvery)
	defer again.Stop()
	for {
		answer, err := client.Get("http://" + node + "/readyz")
		if err == nil {
			answer.Body.Close()
		}
		b.mu.Lock()
		b.ready[node] = err == nil && answer.StatusCode == http.StatusOK
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// takeOut stops sending requests to a node, and waits until it has answered those
// that it got.
func (b *balancer) takeOut(node string) error {
	b.hold(node, true)
	return until(startPatience, func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if n := b.unanswered[node]; n > 0 {
			return fmt.Errorf("%d requests have no answer", n)
		}
		return nil
	})
}

// hold takes a node out, or in again.
func (b *balancer) hold(node string, out bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held[node] = out
}

// awaits waits until a node gets requests.
func (b *balancer) awaits(node string) error {
	return until(startPatience, func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if !b.ready[node] || b.held[node] {
			return errors.New("the node is not ready")
		}
		return nil
	})
}
