package clients_test

import (
	"crypto/rand"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/token"
)

func newKey(t *testing.T, a jose.Algorithm) jose.Key {
	t.Helper()
	k, err := jose.Generate(a)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestIDs(t *testing.T) {
	for _, id := range []string{"a", "0", "orders", "my-app", "a.b_c-9", strings.Repeat("a", 64)} {
		if !clients.IsID(id) {
			t.Errorf("%q is refused", id)
		}
	}
	for _, id := range []string{"", "-a", ".a", "_a", "A", "é", "a b", "a/b", "a%62", "a\x00", "a\n", strings.Repeat("a", 65),
		"11111111-1111-4111-8111-111111111111", "11111111111141118111111111111111"} {
		if clients.IsID(id) {
			t.Errorf("%q is taken", id)
		}
	}
}

func TestValidate(t *testing.T) {
	signing, sealing := newKey(t, "ES256"), newKey(t, "ECDH-ES")
	set := func(keys ...[]byte) string { return string(jose.KeySetJSON(keys)) }
	many := make([]string, 51)
	for i := range many {
		many[i] = strings.Repeat("a", i+1)
	}
	tests := map[string]struct {
		change func(*clients.Client)
		want   string // the fields at fault
	}{
		"as it should be":         {func(*clients.Client) {}, ""},
		"bare":                    {func(c *clients.Client) { c.Audiences, c.Scopes = nil, nil }, ""},
		"id":                      {func(c *clients.Client) { c.ID = "Orders" }, "id"},
		"id of Portaria":          {func(c *clients.Client) { c.ID = "portaria" }, "id"},
		"id of the CLI":           {func(c *clients.Client) { c.ID = "portaria-cli" }, "id"},
		"id of the operator":      {func(c *clients.Client) { c.ID = "operator" }, "id"},
		"no name":                 {func(c *clients.Client) { c.Name = "" }, "name"},
		"padded name":             {func(c *clients.Client) { c.Name = "a " }, "name"},
		"name of 100":             {func(c *clients.Client) { c.Name = strings.Repeat("é", 100) }, ""},
		"name of 101":             {func(c *clients.Client) { c.Name = strings.Repeat("é", 101) }, "name"},
		"name with an escape":     {func(c *clients.Client) { c.Name = "a\x1b[2J" }, "name"},
		"name in broken UTF-8":    {func(c *clients.Client) { c.Name = "a\xff" }, "name"},
		"turned name":             {func(c *clients.Client) { c.Name = "a\u202eb" }, "name"},
		"no kind":                 {func(c *clients.Client) { c.Kind = "" }, "kind"},
		"audience with space":     {func(c *clients.Client) { c.Audiences = []string{"a", "b c"} }, "audiences"},
		"URL as audience":         {func(c *clients.Client) { c.Audiences = []string{"https://orders.example:8443/v1"} }, ""},
		"audience of 256":         {func(c *clients.Client) { c.Audiences = []string{strings.Repeat("a", 256)} }, "audiences"},
		"audience twice":          {func(c *clients.Client) { c.Audiences = []string{"a", "a"} }, "audiences"},
		"50 audiences":            {func(c *clients.Client) { c.Audiences = many[:50] }, ""},
		"51 audiences":            {func(c *clients.Client) { c.Audiences = many }, "audiences"},
		"every scope character":   {func(c *clients.Client) { c.Scopes = []string{"!#[]~:/a.Z"} }, ""},
		"empty scope":             {func(c *clients.Client) { c.Scopes = []string{""} }, "scopes"},
		"two scopes in one":       {func(c *clients.Client) { c.Scopes = []string{"a b"} }, "scopes"},
		"quote in scope":          {func(c *clients.Client) { c.Scopes = []string{`a"`} }, "scopes"},
		"backslash in scope":      {func(c *clients.Client) { c.Scopes = []string{`a\`} }, "scopes"},
		"scope of 129":            {func(c *clients.Client) { c.Scopes = []string{strings.Repeat("a", 129)} }, "scopes"},
		"shortest lifetime":       {func(c *clients.Client) { c.Policy.AccessTTL = issue.MinAccessTTL }, ""},
		"longest lifetime":        {func(c *clients.Client) { c.Policy.AccessTTL = issue.MaxAccessTTL }, ""},
		"too short":               {func(c *clients.Client) { c.Policy.AccessTTL = issue.MinAccessTTL - 1 }, "access_ttl"},
		"too long":                {func(c *clients.Client) { c.Policy.AccessTTL = issue.MaxAccessTTL + time.Second }, "access_ttl"},
		"negative":                {func(c *clients.Client) { c.Policy.AccessTTL = -time.Second }, "access_ttl"},
		"part of a second":        {func(c *clients.Client) { c.Policy.AccessTTL = 1500 * time.Millisecond }, "access_ttl"},
		"sessions of an app":      {app(clients.Policy{Idle: time.Hour, Absolute: 2 * time.Hour}), ""},
		"one token for an app":    {app(clients.Policy{AccessTTL: 8 * time.Hour, NoRefresh: true}), ""},
		"idle beyond the end":     {app(clients.Policy{Idle: 2 * time.Hour, Absolute: time.Hour}), "refresh_ttl"},
		"token beyond the end":    {app(clients.Policy{AccessTTL: 2 * time.Hour, Absolute: time.Hour}), "access_ttl"},
		"session of 401 days":     {app(clients.Policy{Absolute: 401 * 24 * time.Hour}), "session_ttl"},
		"idle for 401 days":       {app(clients.Policy{Idle: 401 * 24 * time.Hour}), "refresh_ttl"},
		"service that idles":      {func(c *clients.Client) { c.Policy.Idle = time.Hour }, "refresh_ttl"},
		"service with a session":  {func(c *clients.Client) { c.Policy.Absolute = time.Hour }, "session_ttl"},
		"service without refresh": {func(c *clients.Client) { c.Policy.NoRefresh = true }, "no_refresh"},
		"one token, idle":         {app(clients.Policy{Idle: time.Hour, NoRefresh: true}), "refresh_ttl"},
		"one token, ended":        {app(clients.Policy{Absolute: time.Hour, NoRefresh: true}), "session_ttl"},
		"app with scopes":         {func(c *clients.Client) { c.Kind = clients.App; c.Scopes = []string{"stock:read"} }, "scopes"},
		"app that administers":    {func(c *clients.Client) { c.Kind = clients.App; c.Scopes = []string{"portaria:admin"} }, "scopes"},
		"app that follows":        {func(c *clients.Client) { c.Kind = clients.App; c.Scopes = []string{"revocation:read"} }, ""},
		"app as audience":         {func(c *clients.Client) { app(clients.Policy{})(c); c.Profile = "jwt" }, "profile"},
		"app with encryption":     {func(c *clients.Client) { app(clients.Policy{})(c); c.EncryptionKey = string(sealing.PublicJWK()) }, "encryption_key"},
		"unknown profile":         {func(c *clients.Client) { c.Profile = "JWT" }, "profile"},
		"public key":              {func(c *clients.Client) { c.PublicKey = string(signing.PublicJWK()) }, ""},
		"keys during a rotation":  {func(c *clients.Client) { c.PublicKey = set(signing.PublicJWK(), newKey(t, "RS256").PublicJWK()) }, ""},
		"private key":             {func(c *clients.Client) { c.PublicKey = string(signing.RevealJWK()) }, "public_key"},
		"shared secret":           {func(c *clients.Client) { c.PublicKey = string(newKey(t, "HS256").RevealJWK()) }, "public_key"},
		"one private among":       {func(c *clients.Client) { c.PublicKey = set(newKey(t, "ES256").PublicJWK(), signing.RevealJWK()) }, "public_key"},
		"key that encrypts":       {func(c *clients.Client) { c.PublicKey = string(sealing.PublicJWK()) }, "public_key"},
		"two close primes":        {func(c *clients.Client) { c.PublicKey = closePrimes(t) }, "public_key"},
		"encrypts to close primes": {func(c *clients.Client) {
			c.EncryptionKey = strings.Replace(closePrimes(t), "RS256", "RSA-OAEP-256", 1)
		}, "encryption_key"},
		"no key":                 {func(c *clients.Client) { c.PublicKey = "{}" }, "public_key"},
		"unknown key among":      {func(c *clients.Client) { c.PublicKey = set(signing.PublicJWK(), []byte(`{"kty":"AKP"}`)) }, "public_key"},
		"endless key":            {func(c *clients.Client) { c.PublicKey = strings.Repeat(" ", 17<<10) + string(signing.PublicJWK()) }, "public_key"},
		"encryption key":         {func(c *clients.Client) { c.EncryptionKey = string(sealing.PublicJWK()) }, ""},
		"private encryption key": {func(c *clients.Client) { c.EncryptionKey = string(sealing.RevealJWK()) }, "encryption_key"},
		"key that signs":         {func(c *clients.Client) { c.EncryptionKey = string(signing.PublicJWK()) }, "encryption_key"},
		"all at once":            {func(c *clients.Client) { c.ID, c.Kind, c.Profile = "", "", "x" }, "id kind profile"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := with(service("orders"), test.change).Validate()
			if got := strings.Join(fields(err), " "); got != test.want || (err == nil) != (test.want == "") {
				t.Errorf("faults %q (%v), want %q", got, err, test.want)
			}
		})
	}
}

// app makes the client an app with this policy.
func app(p clients.Policy) func(*clients.Client) {
	return func(c *clients.Client) { c.Kind, c.Policy, c.Scopes = clients.App, p, nil }
}

func TestEveryAsymmetricAlgorithmIsTaken(t *testing.T) {
	for _, a := range jose.SigningAlgorithms() {
		if a.Symmetric() {
			continue
		}
		c := service("orders")
		c.PublicKey = string(newKey(t, a).PublicJWK())
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
}

// TestProfilesAreThoseOfTokens keeps this package's list the same as that of
// package token, which it does not know.
func TestProfilesAreThoseOfTokens(t *testing.T) {
	for _, p := range []token.Profile{"", token.AccessToken, token.PlainJWT, token.Flask} {
		c := service("orders")
		c.Profile = string(p)
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
}

func TestFaultsShowNoValues(t *testing.T) {
	c := clients.Client{ID: "hunter2!", Name: "hunter2\x00", Kind: "hunter2", Audiences: []string{"hunter2 "}, Scopes: []string{`hunter2"`},
		Profile: "hunter2", PublicKey: "hunter2", EncryptionKey: `{"kty":"hunter2"}`}
	err := c.Validate()
	if got := fields(err); !slices.Equal(got, []string{"id", "name", "kind", "public_key", "audiences", "scopes", "profile", "encryption_key"}) {
		t.Errorf("faults %v", got)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("shown: %v", err)
	}
}

// closePrimes is the public key of two primes that are next to each other:
// everybody can compute the private one.
func closePrimes(t *testing.T) string {
	t.Helper()
	p, err := rand.Prime(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	q := new(big.Int).Add(p, big.NewInt(2))
	for !q.ProbablyPrime(20) {
		q.Add(q, big.NewInt(2))
	}
	return `{"kty":"RSA","alg":"RS256","e":"AQAB","n":"` + jose.Encode(q.Mul(q, p).Bytes()) + `"}`
}
