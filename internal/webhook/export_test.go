package webhook

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/portaria/portaria/internal/secret"
	"github.com/portaria/portaria/internal/webhook/push"
)

// Through has the service reach its receivers in another way than over the
// network, so that time can be virtual.
func (s *Service) Through(rt http.RoundTripper) {
	s.sender = push.InsecureThrough(rt)
}

// LookEvery has the log looked at less often, in tests of days.
func (s *Service) LookEvery(d time.Duration) { s.lookEvery = d }

// Check is what Create would say of a subscription.
func (s Subscription) Check(insecure bool, networks ...netip.Prefix) error {
	return s.check(push.Policy{InsecureLoopback: insecure, Networks: networks})
}

// SecretOf is the secret of a generation.
func SecretOf(key secret.Bytes, id string, generation int64) secret.Bytes {
	return secretOf(key, id, generation)
}

// Ceiling is the longest wait after so many failures; Backoff draws one.
func Ceiling(failures int) time.Duration { return ceiling(failures) }

// Backoff draws a wait after so many failures.
func Backoff(failures int) time.Duration { return backoff(failures) }
