package webhook

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/secret"
)

// Allows is what a sender with these permissions makes of an address.
func Allows(private, loopback bool, a netip.Addr) bool {
	r := reach{loopback: loopback}
	if private {
		r.private = privateNetworks()
	}
	return r.allows(a)
}

// Through has the service reach its receivers in another way than over the
// network, so that time can be virtual.
func (s *Service) Through(rt http.RoundTripper) { s.sender = &sender{public: rt, private: rt} }

// AsksProxy reports whether a sender asks a proxy, of the environment or another.
func AsksProxy() bool { return newTransport(reach{}).Proxy != nil }

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
	o := newSender(loopback, privateNetworks()).send(ctx, sub, message{header: http.Header{"Webhook-Id": {"1"}}, body: []byte("{}")})
	return o.status, o.failure
}
