package webhook

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/outbound"
	"github.com/portaria/portaria/internal/secret"
)

// Through has the service reach its receivers in another way than over the
// network, so that time can be virtual.
func (s *Service) Through(rt http.RoundTripper) {
	c := &http.Client{Transport: rt, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	s.sender = &sender{public: c, private: c}
}

// LookEvery has the log looked at less often, in tests of days.
func (s *Service) LookEvery(d time.Duration) { s.lookEvery = d }

// Check is what Create would say of a subscription.
func (s Subscription) Check(insecure bool, networks ...netip.Prefix) error {
	return s.check(insecure, networks)
}

// SecretOf is the secret of a generation.
func SecretOf(key secret.Bytes, id string, generation int64) secret.Bytes {
	return secretOf(key, id, generation)
}

// Claims are the kind, and the subject and content, of an event as a token.
func Claims(issuer string, e event.Event) (kind string, subject, content any) {
	kind, content = securityEventOf(e)
	return kind, subjectOf(issuer, e), content
}

// Ceiling is the longest wait after so many failures; Backoff draws one.
func Ceiling(failures int) time.Duration { return ceiling(failures) }

// Backoff draws a wait after so many failures.
func Backoff(failures int) time.Duration { return backoff(failures) }

// Send sends one message as a service would.
func Send(ctx context.Context, loopback bool, sub Subscription) (int, Failure) {
	sender, err := newSender(Config{InsecureLoopback: loopback, Networks: outbound.Inner()})
	if err != nil {
		panic(err)
	}
	o := sender.send(ctx, sub, message{header: http.Header{"Webhook-Id": {"1"}}, body: []byte("{}")})
	return o.status, o.failure
}
