package verify_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/verify"
)

// TestIntrospectionSaidNo: what the issuer said no to stays refused until the
// feed is current again, also when the issuer no longer answers, says something
// else, or the view becomes young enough again without being newer than the no;
// and also at an open route.
func TestIntrospectionSaidNo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		config := w.config()
		config.WhenStale = verify.Introspect
		w.bad["introspect"] = answer("application/json", `{"active":false}`)
		v := open(t, config)
		defer v.Close()
		token, other := w.token(t, "a"), w.token(t, "b")
		w.misbehave("feed", http.NotFound)
		time.Sleep(11 * time.Second)
		refuse(t, v, token, verify.ErrRevoked)
		for _, h := range []http.HandlerFunc{http.NotFound, answer("application/json", `{"active":true}`)} {
			w.misbehave("introspect", h)
			time.Sleep(1100 * time.Millisecond)
			refuse(t, v, token, verify.ErrRevoked)
			if got, want := ask(t, v, bearer(token), verify.Open()), (answered{401, bearerError, "token_revoked"}); got != want {
				t.Errorf("open route: %v, want %v", got, want)
			}
		}
		accept(t, v, other)
		w.behind.Store(int64(6 * time.Second)) // fresh, and as of before the no
		w.misbehave("feed", nil)
		time.Sleep(1100 * time.Millisecond)
		if v.Health() != nil {
			t.Fatal(v.Health())
		}
		refuse(t, v, token, verify.ErrRevoked)
		w.behind.Store(0)
		time.Sleep(1100 * time.Millisecond)
		accept(t, v, token) // the log has no rule: the issuer changed its mind
		time.Sleep(time.Second)
		accept(t, v, token)
	})
}
