package serve_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/serve"
)

func networks(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// from is the client of a request from a peer, of which 10.0.0.0/8 and
// fd00::/8 are proxies.
func from(peer string, header serve.ProxyHeader, lines ...string) netip.Addr {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = peer
	other := map[serve.ProxyHeader]string{"": "Forwarded", serve.XForwardedFor: "Forwarded", serve.Forwarded: "X-Forwarded-For"}
	r.Header.Set(other[header], "for=203.0.113.66")
	name := header
	if name == "" {
		name = serve.XForwardedFor
	}
	r.Header[string(name)] = lines
	return serve.Client(networks("10.0.0.0/8", "fd00::/8"), header, r)
}

func TestClientOfAConnection(t *testing.T) {
	for peer, want := range map[string]string{
		"192.0.2.7:1":             "192.0.2.7",
		"[2001:db8::1]:1":         "2001:db8::1",
		"[::ffff:192.0.2.7]:1":    "192.0.2.7",
		"[fe80::1%eth0]:1":        "fe80::1",
		"10.0.0.1:1":              "10.0.0.1",
		"@":                       "invalid IP",
		"":                        "invalid IP",
		"[::ffff:10.0.0.1]:12345": "10.0.0.1",
	} {
		if got := from(peer, ""); got.String() != want {
			t.Errorf("%s is %v, want %s", peer, got, want)
		}
	}
}

func TestClientBehindProxies(t *testing.T) {
	const proxy, stranger = "10.0.0.1:1", "192.0.2.7:1"
	tests := []struct {
		peer  string
		lines []string
		want  string
	}{
		{stranger, []string{"203.0.113.1"}, "192.0.2.7"}, // not a proxy: his word counts for nothing
		{proxy, nil, "10.0.0.1"},
		{proxy, []string{"203.0.113.1"}, "203.0.113.1"},
		{proxy, []string{"198.51.100.9, 203.0.113.1"}, "203.0.113.1"}, // the left one was sent by the client
		{proxy, []string{"198.51.100.9, 203.0.113.1, 10.9.9.9"}, "203.0.113.1"},
		{proxy, []string{"198.51.100.9", "203.0.113.1", "10.9.9.9,fd00::2"}, "203.0.113.1"},
		{proxy, []string{"10.9.9.9, 10.8.8.8"}, "10.9.9.9"}, // a client inside of our own network
		{proxy, []string{"203.0.113.1:4711"}, "203.0.113.1"},
		{proxy, []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		{proxy, []string{"[2001:db8::1]"}, "2001:db8::1"},
		{proxy, []string{"2001:db8::1"}, "2001:db8::1"},
		{proxy, []string{"::ffff:203.0.113.1"}, "203.0.113.1"},
		{proxy, []string{"203.0.113.1, unknown"}, "10.0.0.1"},
		{proxy, []string{"203.0.113.1, 10.9.9.9, _hidden"}, "10.0.0.1"},
		{proxy, []string{"203.0.113.1, , 10.9.9.9"}, "10.9.9.9"},
		{proxy, []string{""}, "10.0.0.1"},
		{"[fd00::1]:1", []string{"203.0.113.1"}, "203.0.113.1"},
		{proxy, []string{"203.0.113.1" + strings.Repeat(", 10.9.9.9", 31)}, "203.0.113.1"},
		{proxy, []string{"203.0.113.1" + strings.Repeat(", 10.9.9.9", 32)}, "10.9.9.9"}, // too long a chain
	}
	for _, test := range tests {
		if got := from(test.peer, "", test.lines...); got.String() != test.want {
			t.Errorf("%s with %q is %v, want %s", test.peer, test.lines, got, test.want)
		}
	}
}

func TestClientInForwarded(t *testing.T) {
	tests := []struct {
		lines []string
		want  string
	}{
		{[]string{"for=203.0.113.1"}, "203.0.113.1"},
		{[]string{`For="203.0.113.1:4711";proto=https;by=10.0.0.1`}, "203.0.113.1"},
		{[]string{`proto=https; for="[2001:db8::1]:4711"`}, "2001:db8::1"},
		{[]string{`for=198.51.100.9, for=203.0.113.1;proto=https, for=10.9.9.9`}, "203.0.113.1"},
		{[]string{`for=198.51.100.9`, `for=203.0.113.1`}, "203.0.113.1"},
		{[]string{`for="198.51.100.9, for=203.0.113.1`}, "203.0.113.1"}, // a quote that swallows nothing
		{[]string{`for=203.0.113.1;host="a,b;c"`}, "203.0.113.1"},
		{[]string{`for=203.0.113.1, for="10.9.9.9";host=","`}, "203.0.113.1"},
		{[]string{`for=unknown`}, "10.0.0.1"},
		{[]string{`for=_secret`}, "10.0.0.1"},
		{[]string{`proto=https`}, "10.0.0.1"},
		{[]string{`203.0.113.1`}, "10.0.0.1"},
		{nil, "10.0.0.1"},
	}
	for _, test := range tests {
		if got := from("10.0.0.1:1", serve.Forwarded, test.lines...); got.String() != test.want {
			t.Errorf("%q is %v, want %s", test.lines, got, test.want)
		}
	}
}

func TestClientAddressReachesTheHandler(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.0.0.1:1"
	r.Header.Set("X-Forwarded-For", "203.0.113.1")
	var got string
	ask(serve.Config{TrustedProxies: networks("10.0.0.0/8")}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = serve.ClientAddress(r.Context())
	}), r)
	if got != "203.0.113.1" {
		t.Error(got)
	}
}

// FuzzClient holds the promise of the whole file: whatever a client writes into
// the headers, the address that the proxy has appended is the one that counts.
func FuzzClient(f *testing.F) {
	for _, seed := range []string{"", "for=1.1.1.1", "1.1.1.1", `for="`, `"`, `\"`, ",", ";", "10.0.0.2", `for="10.0.0.2`, "[::", "a=b;for=\t"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		if got := from("10.0.0.1:1", "", first, second+", 203.0.113.1"); got.String() != "203.0.113.1" {
			t.Errorf("X-Forwarded-For: %v", got)
		}
		if got := from("10.0.0.1:1", "", first+", 203.0.113.1", "10.9.9.9"); got.String() != "203.0.113.1" {
			t.Errorf("X-Forwarded-For in two lines: %v", got)
		}
		if got := from("10.0.0.1:1", serve.Forwarded, first, second+`, for="203.0.113.1:80";proto=https`); got.String() != "203.0.113.1" {
			t.Errorf("Forwarded: %v", got)
		}
		for _, header := range []serve.ProxyHeader{serve.XForwardedFor, serve.Forwarded} {
			if got := from("192.0.2.7:1", header, first, second); got.String() != "192.0.2.7" {
				t.Errorf("a stranger is believed in %s: %v", header, got)
			}
			from("10.0.0.1:1", header, first, second)
		}
	})
}
