package apptest_test

import (
	"testing"
	"time"

	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
)

func TestStartGivesAWholeService(t *testing.T) {
	a := apptest.Start(t, func(c *config.Config) { c.AccessTTL = time.Minute })
	id, tokens := a.SignUp("ana@example.com")
	me, err := a.As(tokens).Me(t.Context())
	if err != nil || me.Account.ID != id || tokens.ExpiresIn != 60 {
		t.Errorf("me %+v, tokens %+v, %v", me, tokens, err)
	}
	a.Clock.Move(2 * time.Minute)
	if _, err := a.As(tokens).Me(t.Context()); err == nil {
		t.Error("the clock does not count")
	}
}

func TestServicesAreApart(t *testing.T) {
	a, b := apptest.Start(t), apptest.Start(t)
	_, tokens := a.SignUp("ana@example.com")
	b.SignUp("ana@example.com")
	if _, err := b.As(tokens).Me(t.Context()); err == nil {
		t.Error("a token of one service is good at another")
	}
}

// BenchmarkStart is what each test of the API pays: to be under 100 ms.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		apptest.Start(b)
	}
}
