package token_test

import (
	"encoding/json"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/token"
)

// TestOthersReadOurTokens: go-jose and jwx, with the published key set.
func TestOthersReadOurTokens(t *testing.T) {
	for _, alg := range []jose.Algorithm{jose.ES256, jose.EdDSA, jose.ES512, jose.PS256} {
		ring, _ := openRing(t, keyring.Policy{LongestTTL: time.Hour, Algorithm: alg})
		issuer, err := token.NewIssuer(ring, policy())
		if err != nil {
			t.Fatal(err)
		}
		minted, claims, err := issuer.Mint(start, someone())
		if err != nil {
			t.Fatal(err)
		}
		var set gojose.JSONWebKeySet
		if err := json.Unmarshal(ring.KeySet(start).JSON, &set); err != nil {
			t.Fatal(err)
		}
		jws, err := gojose.ParseSignedCompact(minted.Reveal(), []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(alg)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jws.Verify(set); err != nil {
			t.Errorf("%s: go-jose: %v", alg, err)
		}
		named, _ := jwa.LookupSignatureAlgorithm(string(alg))
		theirs, err := jwt.Parse([]byte(minted.Reveal()), jwt.WithKey(named, set.Keys[0].Key),
			jwt.WithClock(jwt.ClockFunc(func() time.Time { return start })), jwt.WithAudience("https://api.example"))
		if err != nil {
			t.Fatalf("%s: jwx: %v", alg, err)
		}
		sub, _ := theirs.Subject()
		exp, _ := theirs.Expiration()
		jti, _ := theirs.JwtID()
		if diff := cmp.Diff([]any{claims.Subject, claims.ExpiresAt, claims.ID}, []any{sub, exp, jti}); diff != "" {
			t.Errorf("%s: jwx reads (-ours +theirs):\n%s", alg, diff)
		}
	}
}
