package session_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/session"
)

func TestProofs(t *testing.T) {
	first, second := time.Unix(100, 0).UTC(), time.Unix(200, 0).UTC()
	none := session.Proofs(nil)
	one := none.With("pwd", first)
	again := one.With("pwd", second)
	two := again.With("otp", first)
	tests := map[string]struct {
		proofs   session.Proofs
		amr      []string
		acr      string
		authTime time.Time
	}{
		"nothing proved":               {none, nil, "", time.Time{}},
		"a password":                   {one, []string{"pwd"}, "aal1", first},
		"the same password again":      {again, []string{"pwd"}, "aal1", second},
		"another method":               {two, []string{"pwd", "otp"}, "aal2", second},
		"the first of two again":       {two.With("pwd", second), []string{"otp", "pwd"}, "aal2", second},
		"what With was called on":      {one, []string{"pwd"}, "aal1", first},
		"a proof older than the first": {again.With("otp", first), []string{"pwd", "otp"}, "aal2", second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.amr, test.proofs.AMR()); diff != "" {
				t.Errorf("amr (-want +got)\n%s", diff)
			}
			if got := test.proofs.ACR(); got != test.acr {
				t.Errorf("acr is %q, want %q", got, test.acr)
			}
			if got := test.proofs.AuthTime(); !got.Equal(test.authTime) {
				t.Errorf("auth_time is %v, want %v", got, test.authTime)
			}
		})
	}
}
