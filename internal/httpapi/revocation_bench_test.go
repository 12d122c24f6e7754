package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
)

// BenchmarkFeed is a revocation on its way to everybody who follows, over real
// connections of one machine: from the request until each has read it.
func BenchmarkFeed(b *testing.B) {
	for _, followers := range []int{100, 1000} {
		b.Run(fmt.Sprint(followers), func(b *testing.B) {
			a := apptest.Start(b)
			ctx, stop := context.WithCancel(b.Context())
			arrived := make(chan time.Time, followers)
			for range followers {
				go listen(ctx, b, a, arrived)
			}
			for range followers {
				<-arrived // the first, empty part
			}
			var took []time.Duration
			admin := a.Admin()
			for b.Loop() {
				start := time.Now()
				if _, err := admin.Revoke(ctx, api.Revoke{Target: api.Target{Token: "a"}}, 0); err != nil {
					b.Fatal(err)
				}
				for range followers {
					took = append(took, (<-arrived).Sub(start))
				}
			}
			stop()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// listen says when each part of the log arrives.
func listen(ctx context.Context, b *testing.B, a *apptest.App, arrived chan<- time.Time) {
	r, err := http.NewRequestWithContext(ctx, "GET", a.URL+"/rev/v1/feed", nil)
	if err != nil {
		b.Error(err)
		return
	}
	r.Header.Set("Authorization", "Bearer "+a.AdminToken())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Error(err)
		return
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), `data: {"from"`) {
			arrived <- time.Now()
		}
	}
}
