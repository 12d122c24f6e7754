package token_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/token"
)

// parts returns the header and payload text of a token.
func parts(t *testing.T, minted token.Token) (header, payload string) {
	t.Helper()
	p := strings.Split(minted.Reveal(), ".")
	h, err := jose.Decode(p[0])
	if err != nil {
		t.Fatal(err)
	}
	c, err := jose.Decode(p[1])
	if err != nil {
		t.Fatal(err)
	}
	return string(h), string(c)
}

func TestWhatATokenLooksLike(t *testing.T) {
	h := newHouse(t)
	minted, claims, err := h.issuer.Mint(start, someone())
	if err != nil {
		t.Fatal(err)
	}
	header, payload := parts(t, minted)
	if want := `{"alg":"ES256","kid":"` + h.store.records[0].Kid + `","typ":"at+jwt"}`; header != want {
		t.Errorf("header %s, want %s", header, want)
	}
	want := `{"iss":"https://id.example","sub":"7e1a7c5e-9f0b-4f0e-8d68-0d1f1c9c2a11","aud":"https://api.example",` +
		`"iat":1772366400,"nbf":1772366395,"exp":1772367300,"jti":"` + claims.ID + `","client_id":"portaria",` +
		`"sid":"Zm9vYmFyYmF6cXV4MTIzNA","root":"b1946ac9","scope":"account orders:read","auth_time":1772362800,"amr":["pwd"],"acr":"aal1","fresh":true,"rvs":41}`
	if payload != want {
		t.Errorf("claims:\n%s\nwant\n%s", payload, want)
	}
	if id, err := jose.Decode(claims.ID); err != nil || len(id) != 16 {
		t.Errorf("jti %q: want 128 bits in base64url", claims.ID)
	}

	minted, _, err = h.issuer.Mint(start, token.Claims{Subject: "u1", Audience: []string{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	_, payload = parts(t, minted)
	cut := strings.Index(payload, `"jti"`)
	least := `{"iss":"https://id.example","sub":"u1","aud":["a","b"],"iat":1772366400,"nbf":1772366395,"exp":1772367300,`
	if payload[:cut] != least || !strings.HasSuffix(payload, `","fresh":false,"rvs":0}`) || strings.Contains(payload, "scope") {
		t.Errorf("least claims:\n%s", payload)
	}
}

func TestEveryTokenHasItsOwnID(t *testing.T) {
	h := newHouse(t)
	seen := map[string]bool{}
	for range 100 {
		_, c, err := h.issuer.Mint(start, token.Claims{Subject: "u1", ID: "chosen"})
		if err != nil {
			t.Fatal(err)
		}
		seen[c.ID] = true
	}
	if len(seen) != 100 || seen["chosen"] {
		t.Errorf("%d different ids among 100", len(seen))
	}
}

func TestAnyTextSurvives(t *testing.T) {
	h := newHouse(t)
	for _, text := range []string{`"`, `\`, "a\"b\\c", "\n\t\x00\x1f", "é漢😀", "<script>&", "\u2028", "\x7f", `{"fresh":true}`, `","fresh":true,"x":"`} {
		minted, want, err := h.issuer.Mint(start, token.Claims{Subject: text, Scope: text, AMR: []string{text, text}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := h.verify(t, minted.Reveal(), start)
		if diff := cmp.Diff(want, got); err != nil || diff != "" || got.Subject != text || got.Fresh {
			t.Errorf("%q: %v\n%s", text, err, diff)
		}
	}
}

func TestMintRefuses(t *testing.T) {
	h := newHouse(t)
	refuse := func(what string, change func(*token.Claims)) {
		t.Helper()
		c := someone()
		change(&c)
		if minted, _, err := h.issuer.Mint(start, c); !errors.Is(err, token.ErrClaims) || minted != "" {
			t.Errorf("%s: %v, want ErrClaims", what, err)
		}
	}
	refuse("no subject", func(c *token.Claims) { c.Subject = "" })
	refuse("expired at birth", func(c *token.Claims) { c.ExpiresAt = start })
	refuse("outlives its key", func(c *token.Claims) { c.ExpiresAt = start.Add(time.Hour + time.Second) })
	refuse("negative revision", func(c *token.Claims) { c.Revision = -1 })
	refuse("too long", func(c *token.Claims) { c.Scope = strings.Repeat("s", jose.MaxToken) })
	refuse("invalid UTF-8 in the subject", func(c *token.Claims) { c.Subject = "\xff" })
	refuse("invalid UTF-8 in the audience", func(c *token.Claims) { c.Audience = []string{"\xff"} })
	refuse("invalid UTF-8 in amr", func(c *token.Claims) { c.AMR = []string{"\xff"} })

	h.store.records[0].KilledAt = start
	if err := h.ring.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.issuer.Mint(start, someone()); !errors.Is(err, keyring.ErrNoActiveKey) {
		t.Errorf("no key: %v, want ErrNoActiveKey", err)
	}
}

// TestMintFollowsTheKey: the kept header is that of the key that signs.
func TestMintFollowsTheKey(t *testing.T) {
	h := newHouse(t)
	before, _, err := h.issuer.Mint(start, someone())
	if err != nil {
		t.Fatal(err)
	}
	h.store.records[0].RetireAt = start.Add(time.Minute)
	h.store.open(t, keyring.Policy{LongestTTL: time.Hour}, start.Add(2*time.Minute)) // makes a second key
	if err := h.ring.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, _, err := h.issuer.Mint(start.Add(2*time.Minute), someone())
	if err != nil {
		t.Fatal(err)
	}
	oldHeader, _ := parts(t, before)
	newHeader, _ := parts(t, after)
	if oldHeader == newHeader || len(h.ring.Keys()) != 2 {
		t.Errorf("header %s after rotation, was %s", newHeader, oldHeader)
	}
	for _, minted := range []token.Token{before, after} {
		if _, err := h.verify(t, minted.Reveal(), start.Add(2*time.Minute)); err != nil {
			t.Errorf("after rotation: %v", err)
		}
	}
}

func TestPolicyIsValidated(t *testing.T) {
	ring, _ := openRing(t, keyring.Policy{LongestTTL: time.Hour})
	for what, change := range map[string]func(*token.Policy){
		"no issuer":        func(p *token.Policy) { p.Issuer = "" },
		"no audience":      func(p *token.Policy) { p.Audience = "" },
		"no lifetime":      func(p *token.Policy) { p.TTL = 0 },
		"negative":         func(p *token.Policy) { p.TTL = -time.Second },
		"part of a second": func(p *token.Policy) { p.TTL = 1500 * time.Millisecond },
	} {
		p := policy()
		change(&p)
		if _, err := token.NewIssuer(ring, p); err == nil {
			t.Errorf("%s: issuer accepts it", what)
		}
	}
}

func TestTokensStayOutOfTexts(t *testing.T) {
	minted, _, err := newHouse(t).issuer.Mint(start, someone())
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "token", minted)
	marshalled, err := json.Marshal(minted)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%v %s %q %x %#v ", minted, minted, minted, minted, minted) + minted.String() + logged.String() + string(marshalled)
	if strings.Count(text, "[secret]") != 8 || strings.Contains(text, "eyJ") {
		t.Errorf("printed as %s", text)
	}
}
