package webhook_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/secret"
	"github.com/portaria/portaria/internal/webhook"
)

func TestSecretsDifferByKeySubscriptionAndGeneration(t *testing.T) {
	seen := map[string]bool{}
	for _, key := range []string{"key", "key2"} {
		for _, id := range []string{"a", "b"} {
			for generation := range int64(3) {
				seen[string(webhook.SecretOf(secret.Bytes(key), id, generation))] = true
			}
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d different secrets of 12", len(seen))
	}
}

func TestSubscriptionsThatCouldNotWorkAreRefused(t *testing.T) {
	tests := map[string]struct {
		change   func(*webhook.Subscription)
		insecure bool
		want     string // empty: it is accepted
	}{
		"good":               {change: func(*webhook.Subscription) {}},
		"token":              {change: func(s *webhook.Subscription) { s.Format = webhook.SET }},
		"poll":               {change: func(s *webhook.Subscription) { s.Format, s.URL = webhook.Poll, "" }},
		"families":           {change: func(s *webhook.Subscription) { s.Types = []string{"session.*", "key.killed"} }},
		"local":              {change: func(s *webhook.Subscription) { s.URL = "http://localhost:9000/hook" }, insecure: true},
		"local by address":   {change: func(s *webhook.Subscription) { s.URL = "http://[::1]:9000/hook" }, insecure: true},
		"local, not allowed": {change: func(s *webhook.Subscription) { s.URL = "http://localhost:9000/hook" }, want: "url"},
		"plain HTTP":         {change: func(s *webhook.Subscription) { s.URL = "http://example.com/" }, insecure: true, want: "url"},
		"another scheme":     {change: func(s *webhook.Subscription) { s.URL = "file:///etc/passwd" }, insecure: true, want: "url"},
		"no host":            {change: func(s *webhook.Subscription) { s.URL = "https:///hook" }, want: "url"},
		"relative":           {change: func(s *webhook.Subscription) { s.URL = "/hook" }, want: "url"},
		"password in URL":    {change: func(s *webhook.Subscription) { s.URL = "https://u:p@example.com/" }, want: "url"},
		"fragment":           {change: func(s *webhook.Subscription) { s.URL = "https://example.com/#x" }, want: "url"},
		"port 0":             {change: func(s *webhook.Subscription) { s.URL = "https://example.com:0/" }, want: "url"},
		"port 99999":         {change: func(s *webhook.Subscription) { s.URL = "https://example.com:99999/" }, want: "url"},
		"no port":            {change: func(s *webhook.Subscription) { s.URL = "https://example.com:/" }},
		"a port":             {change: func(s *webhook.Subscription) { s.URL = "https://example.com:65535/" }},
		"public address":     {change: func(s *webhook.Subscription) { s.URL = "https://[2606:4700::1]/" }},
		"this machine":       {change: func(s *webhook.Subscription) { s.URL = "https://127.0.0.1/" }, want: "url"},
		"its name":           {change: func(s *webhook.Subscription) { s.URL = "https://localhost/" }, want: "url"},
		"private":            {change: func(s *webhook.Subscription) { s.URL = "https://10.0.0.1/" }, want: "url"},
		"private, allowed":   {change: func(s *webhook.Subscription) { s.URL, s.AllowPrivate = "https://10.0.0.1/", true }},
		"another private":    {change: func(s *webhook.Subscription) { s.URL, s.AllowPrivate = "https://10.1.0.1/", true }, want: "url"},
		"link-local":         {change: func(s *webhook.Subscription) { s.URL, s.AllowPrivate = "https://[fe80::1%25eth0]/", true }, want: "url"},
		"unspecified":        {change: func(s *webhook.Subscription) { s.URL, s.AllowPrivate = "https://0.0.0.0/", true }, want: "url"},
		"unspecified, six":   {change: func(s *webhook.Subscription) { s.URL, s.AllowPrivate = "https://[::]/", true }, want: "url"},
		"NAT64":              {change: func(s *webhook.Subscription) { s.URL, s.AllowPrivate = "https://[64:ff9b::a00:1]/", true }, want: "url"},
		"metadata":           {change: func(s *webhook.Subscription) { s.URL, s.AllowPrivate = "https://169.254.169.254/", true }, want: "url"},
		"mapped metadata":    {change: func(s *webhook.Subscription) { s.URL, s.AllowPrivate = "https://[::ffff:a9fe:a9fe]/", true }, want: "url"},
		"metadata of AWS":    {change: func(s *webhook.Subscription) { s.URL, s.AllowPrivate = "https://[fd00:ec2::254]/", true }, want: "url"},
		"long URL":           {change: func(s *webhook.Subscription) { s.URL += strings.Repeat("x", 2048) }, want: "url"},
		"poll with URL":      {change: func(s *webhook.Subscription) { s.Format = webhook.Poll }, want: "url"},
		"no format":          {change: func(s *webhook.Subscription) { s.Format = "" }, want: "format"},
		"no client":          {change: func(s *webhook.Subscription) { s.ClientID = "" }, want: "client_id"},
		"no types":           {change: func(s *webhook.Subscription) { s.Types = nil }, want: "types"},
		"misspelt type":      {change: func(s *webhook.Subscription) { s.Types = []string{"session.eneded"} }, want: "types"},
		"half a family":      {change: func(s *webhook.Subscription) { s.Types = []string{"sess*"} }, want: "types"},
		"unknown family":     {change: func(s *webhook.Subscription) { s.Types = []string{"*", "sessions.*"} }, want: "types"},
		"too many types":     {change: func(s *webhook.Subscription) { s.Types = strings.Split(strings.Repeat("* ", 33), " ")[:33] }, want: "types"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sub := webhook.Subscription{ClientID: "orders", Format: webhook.Standard, URL: "https://example.com/hook?x=1", Types: []string{"*"}}
			test.change(&sub)
			err := sub.Check(test.insecure, netip.MustParsePrefix("10.0.0.0/16"))
			if test.want == "" && err != nil || test.want != "" && (!errors.Is(err, webhook.ErrInvalid) || !strings.Contains(err.Error(), ": "+test.want+": ")) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestPatternsMatch(t *testing.T) {
	tests := map[string]struct {
		patterns []string
		want     bool
	}{
		"all":          {[]string{"*"}, true},
		"family":       {[]string{"key.*", "session.*"}, true},
		"exact":        {[]string{"session.ended"}, true},
		"other":        {[]string{"session.started", "key.*"}, false},
		"shorter name": {[]string{"session"}, false},
		"none":         {nil, false},
	}
	for name, test := range tests {
		if got := (webhook.Subscription{Types: test.patterns}).Wants(event.SessionEnded); got != test.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}

func TestWaitsAreRandomAndBounded(t *testing.T) {
	for failures, want := range map[int]time.Duration{1: 2 * time.Second, 2: 4 * time.Second, 11: 2048 * time.Second, 12: time.Hour, 1 << 30: time.Hour} {
		if got := webhook.Ceiling(failures); got != want {
			t.Errorf("after %d failures at most %s, want %s", failures, got, want)
		}
	}
	least, most := time.Hour, time.Duration(0)
	for range 1000 {
		wait := webhook.Backoff(5)
		least, most = min(least, wait), max(most, wait)
	}
	if least <= 0 || least > 8*time.Second || most > 32*time.Second || most < 24*time.Second {
		t.Errorf("waits from %s to %s, want all of 0 to 32s", least, most)
	}
}
