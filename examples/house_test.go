package examples_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
)

// audiences are the services in portaria.yaml. Of each form there are two, so
// that one can get what is meant for the other.
func audiences() []string { return []string{"orders", "billing", "legacy", "archive"} }

// house is a live Portaria with an account, and what its services are sent.
type house struct {
	url     string
	account string
	refresh string
	good    map[string]string // by audience
	expired map[string]string // minted with a lifetime of one second, a while ago
	untyped string            // for orders, signed by the same key, but not at+jwt
}

// start starts Portaria three times on one database and address: first with
// tokens that last a second, to have some that expire while the rest is
// prepared, and then with those of another form.
func start(t *testing.T, bin string) *house {
	t.Helper()
	h := &house{}
	dir, address := t.TempDir(), freeAddress(t)
	settings, err := filepath.Abs("portaria.yaml")
	if err != nil {
		t.Fatal(err)
	}
	serve := func(flags ...string) *process {
		program := []string{filepath.Join(bin, "portaria"), "serve", "--config", settings, "--listen", address}
		return launch(t, dir, nil, append(program, flags...)...)
	}
	p := serve("--access-ttl", "1s")
	h.url = p.url
	ana := api.Credentials{Identifier: "ana", Password: "correct horse battery"}
	made, err := h.client().SignUp(t.Context(), ana)
	if err != nil {
		t.Fatalf("sign up: %v", err)
	}
	h.account = made.ID
	h.expired = h.signIn(t, ana)
	p.stop()
	p = serve("--audience-profiles", "orders=jwt")
	h.untyped = h.tokenFor(t, ana, "orders")
	p.stop()
	if p = serve(); p.url != h.url {
		t.Fatalf("Portaria moved from %s to %s", h.url, p.url)
	}
	h.good = h.signIn(t, ana)
	return h
}

func (h *house) client() *client.Client {
	return client.New(h.url, &http.Client{Timeout: patience})
}

// signIn returns a token for each service.
func (h *house) signIn(t *testing.T, who api.Credentials) map[string]string {
	t.Helper()
	tokens := map[string]string{}
	for _, audience := range audiences() {
		tokens[audience] = h.tokenFor(t, who, audience)
	}
	return tokens
}

func (h *house) tokenFor(t *testing.T, who api.Credentials, audience string) string {
	t.Helper()
	got, err := h.client().ForAudience(audience).Login(t.Context(), who)
	if err != nil {
		t.Fatalf("sign in for %s: %v", audience, err)
	}
	h.refresh = got.RefreshToken
	return got.AccessToken
}

// refreshed returns a token that no password was proved for.
func (h *house) refreshed(t *testing.T, audience string) string {
	t.Helper()
	got, err := h.client().ForAudience(audience).Refresh(context.Background(), h.refresh)
	if err != nil {
		t.Fatalf("refresh: %v", err)
	}
	return got.AccessToken
}

// build makes programs written in Go, of the module in a folder.
func build(t *testing.T, bin, dir string, packages ...string) {
	t.Helper()
	args := append([]string{"build", "-C", dir, "-o", bin + "/"}, packages...)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go %v: %v\n%s", args, err, out)
	}
}

// freeAddress is an address to start on twice. Linux has a whole network for
// this machine: on a random address of it, no other process takes the port
// between two starts.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254)))
	if err != nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// The attacks below start from a good token.

// tamperSignature changes the first byte of the signature.
func tamperSignature(t *testing.T, token string) string {
	header, payload, signature := split(t, token)
	raw := decode(t, signature)
	raw[0] ^= 1
	return header + "." + payload + "." + encode(raw)
}

// tamperPayload changes one letter of the subject: the claims stay good JSON.
func tamperPayload(t *testing.T, token string) string {
	header, payload, signature := split(t, token)
	claims := decode(t, payload)
	at := strings.Index(string(claims), `"sub":"`) + len(`"sub":"`)
	claims[at] = map[bool]byte{true: '1', false: '0'}[claims[at] == '0']
	return header + "." + encode(claims) + "." + signature
}

// withoutSignature says that there is no algorithm, and leaves the signature out.
func withoutSignature(t *testing.T, token string) string {
	return withHeader(t, token, "alg", "none", "")
}

// foreignKey names a key that Portaria does not have.
func foreignKey(t *testing.T, token string) string {
	_, _, signature := split(t, token)
	return withHeader(t, token, "kid", "nobody", signature)
}

func withHeader(t *testing.T, token, name, value, signature string) string {
	header, payload, _ := split(t, token)
	members := map[string]any{}
	if err := json.Unmarshal(decode(t, header), &members); err != nil {
		t.Fatal(err)
	}
	members[name] = value
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return encode(text) + "." + payload + "." + signature
}

func split(t *testing.T, token string) (header, payload, signature string) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	return parts[0], parts[1], parts[2]
}

func decode(t *testing.T, part string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// expiry bounds how long an example may take to notice that a token is over:
// package verify grants clocks ten seconds.
const expiry = 20 * time.Second
