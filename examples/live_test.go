package examples_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// example is one of the services, and the reasons that it gives, as patterns.
// They matter: a service may refuse an expired token for its audience.
type example struct {
	program  func(t *testing.T, bin string) []string
	dir      string
	audience string // and other, which has the same form
	other    string
	call     func(ctx context.Context, url, token string) (answer, error)
	reasons  reasons
	also     checks
	// go-oidc has one error for a key that is unknown and for keys that cannot be
	// fetched.
	cannotTell bool
}

// kind is empty for libraries that do not look at "typ".
type reasons struct{ expired, audience, signature, none, key, missing, kind string }

// answer is what a service says to a token.
type answer struct {
	accepted, refused, unavailable bool // none of them: it is broken
	text                           string
}

// checks are what an example is asked beyond what all are.
type checks = map[string]func(*testing.T, *process, *house)

func examples() map[string]example {
	return map[string]example{
		"chi": {program: goProgram("chi"), dir: ".", audience: "orders", other: "billing", call: callHTTP,
			// Require tells callers apart only what they can do something about.
			reasons: reasons{"token_expired", "token_invalid", "token_invalid", "token_invalid", "token_invalid", "missing_token", "token_invalid"},
			also:    checks{"scope": asksForScopes, "fresh": takesFreshTokens, "ready": isReady}},
		"grpc": {program: goProgram("grpc"), dir: ".", audience: "orders", other: "billing", call: callGRPC,
			reasons: reasons{"expired", "another audience", "signature", "algorithm", "unknown key", "send one access token", "another kind of token"}},
		"go-oidc": {program: goProgram("go-oidc"), dir: ".", audience: "orders", other: "billing", call: callHTTP,
			reasons: reasons{"token is expired", "expected audience", "failed to verify id token signature", "signature algorithm",
				"failed to verify id token signature", "malformed jwt", ""}, cannotTell: true},
		"node": {program: node, dir: "node", audience: "orders", other: "billing", call: callHTTP,
			reasons: reasons{"ERR_JWT_EXPIRED", `ERR_JWT_CLAIM_VALIDATION_FAILED unexpected "aud"`, "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
				"ERR_JOSE_ALG_NOT_ALLOWED", "ERR_JWKS_NO_MATCHING_KEY", "no access token", `ERR_JWT_CLAIM_VALIDATION_FAILED unexpected "typ"`}},
		"python": {program: python("server.py"), dir: "python", audience: "orders", other: "billing", call: callHTTP,
			reasons: reasons{"ExpiredSignatureError", "InvalidAudienceError", "InvalidSignatureError", "InvalidAlgorithmError",
				"PyJWKClientError", "no access token", "not an access token"}},
		"flask": {program: python("-m", "flask", "run", "--port", "0"), dir: "flask", audience: "legacy", other: "archive", call: callHTTP,
			reasons: reasons{"Token has expired", "Invalid audience", "Signature verification failed", "alg value is not allowed",
				"Unknown key", "Missing Authorization Header", ""},
			also: checks{"fresh": asksForFreshTokens}},
	}
}

// TestExamples runs them all at once: each waits for its own process.
func TestExamples(t *testing.T) {
	bin := t.TempDir()
	build(t, bin, "..", "./cmd/portaria")
	h := start(t, bin)
	build(t, bin, ".", "./chi", "./go-oidc", "./grpc")
	for name, e := range examples() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := e.launch(t, bin, h.url)
			e.accepts(t, p, h)
			t.Run("issuer unreachable", func(t *testing.T) { e.admitsIgnorance(t, bin) })
			e.refuses(t, p, h)
			for name, check := range e.also {
				t.Run(name, func(t *testing.T) { check(t, p, h) })
			}
		})
	}
}

// admitsIgnorance: without keys no token is accepted. Whoever can tell that
// from a bad token says so, for the caller to keep it and come back.
func (e example) admitsIgnorance(t *testing.T, bin string) {
	p := e.launch(t, bin, "http://"+freeAddress(t))
	got, err := e.call(t.Context(), p.url, neverVerified)
	if e.cannotTell {
		got.unavailable, got.refused = got.refused, false
	}
	if err != nil || got.accepted || got.refused || !got.unavailable {
		t.Errorf("%+v, %v\n%s", got, err, &p.log)
	}
}

// neverVerified looks like a token to whoever has no keys yet.
const neverVerified = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImEifQ.eyJleHAiOjQxMDI0NDQ4MDB9.c2lnbmF0dXJl"

func (e example) launch(t *testing.T, bin, issuer string) *process {
	t.Helper()
	environ := []string{"ISSUER=" + issuer, "AUDIENCE=" + e.audience, "PORT=0", "PYTHONDONTWRITEBYTECODE=1"}
	return launch(t, e.dir, environ, e.program(t, bin)...)
}

func (e example) accepts(t *testing.T, p *process, h *house) {
	t.Run("good", func(t *testing.T) {
		got, err := e.call(t.Context(), p.url, h.good[e.audience])
		if err != nil || !got.accepted || got.text != "orders of "+h.account {
			t.Fatalf("%+v, %v\n%s", got, err, &p.log)
		}
	})
}

func (e example) refuses(t *testing.T, p *process, h *house) {
	good := h.good[e.audience]
	for _, attack := range []struct{ name, token, reason string }{
		{"wrong audience", h.good[e.other], e.reasons.audience},
		{"tampered signature", tamperSignature(t, good), e.reasons.signature},
		{"tampered payload", tamperPayload(t, good), e.reasons.signature},
		{"alg none", withoutSignature(t, good), e.reasons.none},
		{"unknown key", foreignKey(t, good), e.reasons.key},
		{"no token", "", e.reasons.missing},
	} {
		t.Run(attack.name, func(t *testing.T) {
			if err := e.refused(t.Context(), p, attack.token, attack.reason); err != nil {
				t.Errorf("%v\n%s", err, &p.log)
			}
		})
	}
	if e.reasons.kind != "" {
		t.Run("another kind", func(t *testing.T) {
			if err := e.refused(t.Context(), p, h.untyped, e.reasons.kind); err != nil {
				t.Errorf("%v\n%s", err, &p.log)
			}
		})
	}
	t.Run("expired", func(t *testing.T) {
		err := until(expiry, func() error { return e.refused(t.Context(), p, h.expired[e.audience], e.reasons.expired) })
		if err != nil {
			t.Errorf("%v\n%s", err, &p.log)
		}
	})
}

// refused returns an error unless the token is refused for this reason, said
// in the answer or in the log.
func (e example) refused(ctx context.Context, p *process, token, reason string) error {
	before := p.log.len()
	got, err := e.call(ctx, p.url, token)
	if err != nil {
		return err
	}
	if !got.refused {
		return fmt.Errorf("answered %+v", got)
	}
	// The log comes through a pipe, and may be later than the answer.
	return until(time.Second, func() error {
		if said := got.text + p.log.since(before); !regexp.MustCompile(reason).MatchString(said) {
			return fmt.Errorf("refused, but not for %q: %s", reason, said)
		}
		return nil
	})
}

// callHTTP asks for the orders.
func callHTTP(ctx context.Context, url, token string) (answer, error) {
	return send(ctx, "GET", url+"/orders", token)
}

func send(ctx context.Context, method, url, token string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return answer{}, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{
		accepted: resp.StatusCode/100 == 2,
		// flask-jwt-extended answers 422 to what is no good token at all.
		refused:     slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity}, resp.StatusCode),
		unavailable: resp.StatusCode == http.StatusServiceUnavailable,
		text:        strings.TrimSpace(string(body)),
	}, err
}

// callGRPC does so over gRPC.
func callGRPC(ctx context.Context, url, token string) (answer, error) {
	conn, err := grpc.NewClient(strings.TrimPrefix(url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	out := new(wrapperspb.StringValue)
	err = conn.Invoke(ctx, "/shop.Orders/List", new(emptypb.Empty), out)
	switch status.Code(err) {
	case codes.OK:
		return answer{accepted: true, text: out.Value}, nil
	case codes.Unauthenticated:
		return answer{refused: true, text: err.Error()}, nil
	case codes.Unavailable:
		return answer{unavailable: true, text: err.Error()}, nil
	}
	return answer{}, err
}

// asksForFreshTokens: @jwt_required(fresh=True) keeps its meaning.
func asksForFreshTokens(t *testing.T, p *process, h *house) {
	for token, want := range map[string]bool{h.good["legacy"]: true, h.refreshed(t, "legacy"): false} {
		got, err := send(t.Context(), "POST", p.url+"/transfers", token)
		if err != nil || got.accepted != want || got.refused == want || !want && !strings.Contains(got.text, "Fresh token required") {
			t.Errorf("fresh %t: %+v, %v", want, got, err)
		}
	}
}

// asksForScopes: the middleware of one route asks for more than a good token.
func asksForScopes(t *testing.T, p *process, h *house) {
	got, err := send(t.Context(), "GET", p.url+"/reports", h.good["orders"])
	if err != nil || !got.refused || !strings.Contains(got.text, "insufficient_scope") {
		t.Errorf("%+v, %v", got, err)
	}
}

func takesFreshTokens(t *testing.T, p *process, h *house) {
	got, err := send(t.Context(), "POST", p.url+"/transfers", h.good["orders"])
	if err != nil || !got.accepted {
		t.Errorf("%+v, %v", got, err)
	}
}

func isReady(t *testing.T, p *process, _ *house) {
	got, err := send(t.Context(), "GET", p.url+"/readyz", "")
	if err != nil || !got.accepted {
		t.Errorf("%+v, %v", got, err)
	}
}

func goProgram(name string) func(*testing.T, string) []string {
	return func(_ *testing.T, bin string) []string { return []string{filepath.Join(bin, name)} }
}

// node needs its packages, which scripts/test installs.
func node(t *testing.T, _ string) []string {
	t.Helper()
	if _, err := os.Stat("node/node_modules/jose"); err != nil {
		t.Fatalf("run npm ci in examples/node: %v", err)
	}
	return []string{"node", "server.js"}
}

// python finds an interpreter that has the packages: Debian's, when another one
// comes first in the path.
func python(args ...string) func(*testing.T, string) []string {
	return func(t *testing.T, _ string) []string {
		t.Helper()
		for _, interpreter := range []string{"python3", "/usr/bin/python3"} {
			if exec.Command(interpreter, "-c", "import jwt, cryptography, flask_jwt_extended").Run() == nil {
				return append([]string{interpreter}, args...)
			}
		}
		t.Fatal("no python3 has PyJWT, cryptography and flask-jwt-extended; on Debian: " +
			"apt-get install python3-jwt python3-cryptography python3-flask python3-python-flask-jwt-extended")
		return nil
	}
}
