package outbound_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/portaria/portaria/internal/outbound"
)

// client returns a client with this change to what a test needs.
func client(t *testing.T, change func(*outbound.Config)) *outbound.Client {
	t.Helper()
	c := outbound.Config{Timeout: 10 * time.Second, MaxBody: 100}
	change(&c)
	made, err := outbound.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func local(c *outbound.Config) { c.Reach.Loopback = true }

// inside is a service that must not be reached.
type inside struct {
	*httptest.Server
	reached atomic.Int64
	port    string
}

func newInside(t *testing.T, handler http.HandlerFunc) *inside {
	t.Helper()
	i := &inside{}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.reached.Add(1)
		handler(w, r)
	}))
	t.Cleanup(i.Close)
	address, err := url.Parse(i.URL)
	if err != nil {
		t.Fatal(err)
	}
	i.port = address.Port()
	return i
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }

// resolver resolves every name to the given addresses, a query after the other; the
// last one stays.
func resolver(t *testing.T, addresses ...string) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		buffer, next := make([]byte, 512), 0
		for {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			question := m.Questions[0]
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			if question.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class},
					Body:   &dnsmessage.AResource{A: netip.MustParseAddr(addresses[next]).As4()},
				}}
				next = min(next+1, len(addresses)-1)
			}
			if answer, err := m.Pack(); err == nil {
				_, _ = server.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// TestRebinding: the name has a public address when somebody checks it, and that of
// this machine when it is dialled.
func TestRebinding(t *testing.T) {
	i := newInside(t, ok)
	names := resolver(t, "8.8.8.8", "127.0.0.1")
	found, err := names.LookupNetIP(t.Context(), "ip4", "rebind.example.")
	if err != nil || !(outbound.Reach{}).Allows(found[0]) {
		t.Fatalf("the first look: %v, %v", found, err)
	}
	c := client(t, func(c *outbound.Config) { c.Resolver = names })
	if _, err := c.Get(t.Context(), "http://rebind.example.:"+i.port); !errors.Is(err, outbound.ErrAddress) || i.reached.Load() != 0 {
		t.Errorf("%v, reached %d times", err, i.reached.Load())
	}
}

// TestEachFormOfAnInnerAddress in a URL is refused when it is dialled.
func TestEachFormOfAnInnerAddress(t *testing.T) {
	i := newInside(t, ok)
	c := client(t, func(*outbound.Config) {})
	for _, host := range []string{"127.0.0.1", "localhost", "127.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]",
		"2130706433", "0x7f000001", "[64:ff9b::7f00:1]", "[2002:7f00:1::1]", "169.254.169.254", "[fe80::1%25lo]"} {
		_, err := c.Get(t.Context(), "http://"+host+":"+i.port)
		// What is no address is a name, which the resolver does not know.
		var name *net.DNSError
		if err == nil || !errors.Is(err, outbound.ErrAddress) && !errors.As(err, &name) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if i.reached.Load() != 0 {
		t.Error("the service inside was reached")
	}
}

// TestRedirectsInside: the host of a redirect is checked when it is dialled, also
// when its name is the same.
func TestRedirectsInside(t *testing.T) {
	i := newInside(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/again", http.StatusFound)
	})
	c := client(t, func(c *outbound.Config) {
		local(c)
		c.Redirects, c.Resolver = 3, resolver(t, "127.0.0.1", "10.0.0.1")
	})
	if _, err := c.Get(t.Context(), "http://rebind.example.:"+i.port); !errors.Is(err, outbound.ErrAddress) || i.reached.Load() != 1 {
		t.Errorf("%v, reached %d times", err, i.reached.Load())
	}
}

func TestRedirects(t *testing.T) {
	other := newInside(t, ok)
	for _, test := range []struct {
		to      string
		follows int
		want    error
	}{
		{"/hops/3", 3, nil}, {"/hops/4", 3, outbound.ErrRedirect}, {"/to/" + other.URL, 3, outbound.ErrRedirect},
		{"/to/http://169.254.169.254/", 3, outbound.ErrRedirect}, {"/hops/1", 0, outbound.ErrResponse},
	} {
		server := newInside(t, func(w http.ResponseWriter, r *http.Request) {
			var n int
			if _, err := fmt.Sscanf(r.URL.Path, "/hops/%d", &n); err == nil && n > 0 {
				http.Redirect(w, r, fmt.Sprintf("/hops/%d", n-1), http.StatusTemporaryRedirect)
			} else if to, ok := strings.CutPrefix(r.URL.Path, "/to/"); ok {
				w.Header().Set("Location", to)
				w.WriteHeader(http.StatusFound)
			}
		})
		c := client(t, func(c *outbound.Config) {
			local(c)
			c.Redirects = test.follows
		})
		if _, err := c.Get(t.Context(), server.URL+test.to); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.to, err, test.want)
		}
	}
	if other.reached.Load() != 0 {
		t.Error("another host was reached")
	}
}

func TestLimits(t *testing.T) {
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		want    error
	}{
		{"as long as allowed", sends(200, "application/json", strings.Repeat("x", 100)), nil},
		{"one byte longer", sends(200, "application/json", strings.Repeat("x", 101)), outbound.ErrTooLarge},
		{"with parameters", sends(200, "application/json; charset=utf-8", "{}"), nil},
		{"another type", sends(200, "text/html", "{}"), outbound.ErrResponse},
		{"no type", sends(200, "", "{}"), outbound.ErrResponse},
		{"no content", sends(204, "application/json", ""), outbound.ErrResponse},
		{"an error", sends(500, "application/json", "{}"), outbound.ErrResponse},
	} {
		c := client(t, func(c *outbound.Config) {
			local(c)
			c.Types = []string{"application/json"}
		})
		if _, err := c.Get(t.Context(), newInside(t, test.handler).URL); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	if _, err := outbound.New(outbound.Config{}); err == nil {
		t.Error("a client without limits was made")
	}
}

func sends(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{kind}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// TestTimeout covers the body, too.
func TestTimeout(t *testing.T) {
	ended := make(chan struct{})
	server := newInside(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(ended)
	})
	c := client(t, func(c *outbound.Config) {
		local(c)
		c.Timeout = 50 * time.Millisecond
	})
	if _, err := c.Get(t.Context(), server.URL); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	<-ended
}

// TestProxy: no proxy resolves a name that others chose.
func TestProxy(t *testing.T) {
	for _, operators := range []bool{false, true} {
		c := client(t, func(c *outbound.Config) { c.EnvironmentProxy = operators })
		if c.AsksProxy() != operators {
			t.Errorf("operator's choice %t: a proxy is asked: %t", operators, c.AsksProxy())
		}
	}
}

func TestRoots(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(ok))
	t.Cleanup(server.Close)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	write := func(text string) string {
		file := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	get := func(file string) error {
		roots, err := outbound.Roots(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = client(t, func(c *outbound.Config) {
			local(c)
			c.Roots = roots
		}).Get(t.Context(), server.URL)
		return err
	}
	if err := get(""); err == nil {
		t.Error("an unknown authority is trusted")
	}
	if err := get(write("\n" + string(certificate) + string(certificate) + "\n")); err != nil {
		t.Error(err)
	}
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}))
	for name, text := range map[string]string{
		"nothing": "", "no PEM": "hello", "a key": key, "a key after it": string(certificate) + key, "half": string(certificate[:200]),
		"something after it": string(certificate) + "hello", "no certificate inside": strings.Replace(key, "PRIVATE KEY", "CERTIFICATE", 2),
		"too long": strings.Repeat(string(certificate), 1+(1<<20)/len(certificate)),
	} {
		if _, err := outbound.Roots(write(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := outbound.Roots("/missing/file"); err == nil {
		t.Error("a missing file is accepted")
	}
}
