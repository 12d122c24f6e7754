package verify_test

import (
	"testing"
	"time"

	"github.com/portaria/portaria/verify/verifytest"
)

// BenchmarkFollowed asks for one cached token while the revocation feed is
// followed: cache, age of the view, and rules.
func BenchmarkFollowed(b *testing.B) {
	i := verifytest.New(b)
	config := i.Config("orders")
	at := i.Now()
	config.Now = func() time.Time { return at } // the issuer's takes a lock
	v := i.Open(config)
	token, ctx := i.Token("orders"), b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(ctx, token); err != nil {
			b.Fatal(err)
		}
	}
}
