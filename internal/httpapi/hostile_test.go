package httpapi_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
)

// TestOneAddressDoesNotFillTheQueue: 200 connections from one address fill the queue
// of hashes. People of other networks sign in meanwhile, and are never sent away.
func TestOneAddressDoesNotFillTheQueue(t *testing.T) {
	a := apptest.Start(t, func(c *config.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		c.Argon2.MemoryKiB, c.Argon2.Concurrent, c.Argon2.Queue = 1024, 1, 16
	})
	a.SignUp("ana")
	signIn := func(address, identifier, plain string) (int, error) {
		r, err := http.NewRequest("POST", a.URL+"/v1/login", strings.NewReader(`{"identifier":"`+identifier+`","password":"`+plain+`"}`))
		if err != nil {
			return 0, err
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Forwarded-For", address)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err
		}
		return resp.StatusCode, resp.Body.Close()
	}
	stop, busy := make(chan struct{}), make(chan int, 200)
	var hostile sync.WaitGroup
	for i := range cap(busy) {
		hostile.Go(func() {
			sent := 0
			for n := 0; ; n++ {
				select {
				case <-stop:
					busy <- sent
					return
				default:
				}
				if status, _ := signIn("203.0.113.9", fmt.Sprintf("nobody-%d-%d", i, n), "wrong wrong"); status == http.StatusServiceUnavailable {
					sent++
				}
			}
		})
	}
	for n := range 30 {
		status, err := signIn(fmt.Sprintf("198.51.%d.7", n), "ana", apptest.Password)
		if err != nil || status != http.StatusOK {
			t.Errorf("sign-in %d: %d, %v", n, status, err)
		}
	}
	close(stop)
	hostile.Wait()
	close(busy)
	total := 0
	for n := range busy {
		total += n
	}
	if total == 0 {
		t.Error("the queue was never full: the test shows nothing")
	}
}
