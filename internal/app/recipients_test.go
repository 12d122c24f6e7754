package app_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/token"
)

// publisher is a service that publishes its key, or is down.
type publisher struct {
	*httptest.Server
	key atomic.Pointer[jose.Key]
}

func newPublisher(t *testing.T) *publisher {
	p := &publisher{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if key := p.key.Load(); key != nil {
			_, _ = w.Write(key.PublicJWK())
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(p.Close)
	return p
}

// publish makes a new key and answers its kid.
func (p *publisher) publish(t *testing.T) string {
	t.Helper()
	key, err := jose.Generate(jose.ECDHES)
	if err != nil {
		t.Fatal(err)
	}
	p.key.Store(&key)
	return key.Kid()
}

// TestUpkeepFollowsKeySets: as often as the manual says, and sooner after the
// service did not answer.
func TestUpkeepFollowsKeySets(t *testing.T) {
	service := newPublisher(t)
	c := settings(t, "")
	c.AudienceEncryption = map[string]config.ServiceKey{"payroll": {URL: service.URL}}
	log := &apptest.Log{}
	synctest.Test(t, func(t *testing.T) {
		a, err := app.Open(t.Context(), app.Env{Config: c, Issuer: issuer, Log: slog.New(slog.NewTextHandler(log, nil)), Now: time.Now})
		if err != nil {
			t.Fatalf("a service that is down: %v", err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := a.Upkeep(ctx)
		began := time.Now()
		time.Sleep(time.Second) // of the bubble's clock: until it has asked
		if !strings.Contains(log.String(), "status 502") || !strings.Contains(log.String(), "tokens_wait=true") {
			t.Errorf("the start did not ask:\n%s", log)
		}
		for _, asked := range []time.Duration{15 * time.Second, 5*time.Minute + 15*time.Second, 10*time.Minute + 30*time.Second} {
			if asked > 10*time.Minute { // down when it is its turn
				service.key.Store(nil)
				time.Sleep(time.Until(began.Add(asked - 14*time.Second)))
			}
			kid := service.publish(t)
			time.Sleep(time.Until(began.Add(asked - time.Second)))
			if strings.Contains(log.String(), kid) {
				t.Errorf("asked before %v", asked)
			}
			time.Sleep(2 * time.Second)
			if !strings.Contains(log.String(), kid) {
				t.Errorf("after %v, it does not know the new key:\n%s", asked, log)
			}
		}
		stop()
		<-done
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestTokensThatCannotFit are found at start.
func TestTokensThatCannotFit(t *testing.T) {
	key, err := jose.Generate(jose.RSAOAEP256)
	if err != nil {
		t.Fatal(err)
	}
	c := settings(t, "")
	c.AudienceProfiles = map[string]token.Profile{"orders": token.PlainJWT}
	c.AudienceEncryption = map[string]config.ServiceKey{"payroll": {JWK: string(key.PublicJWK())}}
	for size, want := range map[int]string{512: "portaria", 1000: "payroll", 2000: ""} {
		c.MaxTokenSize = size
		if _, err := start(t, c); (err == nil) != (want == "") || err != nil &&
			(!strings.Contains(err.Error(), "max_token_size is too small for the audience") || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// TestAHangingServiceDelaysNoStart: tokens for it have to wait, nothing else.
func TestAHangingServiceDelaysNoStart(t *testing.T) {
	ctx, release := context.WithCancel(t.Context())
	asked := make(chan struct{}, 10)
	service := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-ctx.Done()
	}))
	defer service.Close()
	defer release()
	c := settings(t, "")
	c.AudienceEncryption = map[string]config.ServiceKey{"payroll": {URL: service.URL}}
	a, err := open(t, c)
	if err != nil {
		t.Fatal(err)
	}
	if len(asked) > 0 {
		t.Error("the start waited for it")
	}
	upkeep, stop := context.WithCancel(t.Context())
	done := a.Upkeep(upkeep)
	<-asked
	if w := get(a, "/readyz"); w.Code != http.StatusOK {
		t.Errorf("/readyz while it hangs: %d", w.Code)
	}
	stop()
	<-done
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
