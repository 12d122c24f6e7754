package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/portaria/portaria/internal/outbound"
)

// Bounds of one try.
const (
	sendTimeout = 15 * time.Second // of all of it
	// maxAnswer is how much is read of the answer that refuses a Security
	// Event Token; of others nothing is.
	maxAnswer = 4 << 10
)

// sender sends requests to receivers. What may be called differs by
// subscription, and so do the connections that are kept.
type sender struct {
	public, private doer
}

// doer is an [outbound.Client], except in tests.
type doer interface {
	Do(*http.Request) (*http.Response, error)
}

// newSender follows no redirect and uses no proxy.
func newSender(c Config) (*sender, error) {
	public, err := newClient(outbound.Reach{Loopback: c.InsecureLoopback}, c)
	if err != nil {
		return nil, err
	}
	private, err := newClient(outbound.Reach{Loopback: c.InsecureLoopback, Inner: c.Networks}, c)
	return &sender{public, private}, err
}

func newClient(r outbound.Reach, c Config) (*outbound.Client, error) {
	return outbound.New(outbound.Config{Reach: r, Roots: c.Roots, Timeout: sendTimeout, MaxBody: maxAnswer, KeepAlive: true})
}

// outcome is what a receiver made of a message.
type outcome struct {
	status  int
	failure Failure
	// wait is how long the receiver asks to be left alone.
	wait time.Duration
}

func (c *sender) send(ctx context.Context, sub Subscription, m message) outcome {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, sub.URL, bytes.NewReader(m.body))
	if err != nil {
		return outcome{failure: FailConnect}
	}
	r.Header = m.header.Clone()
	r.Header.Set("User-Agent", "Portaria-Webhook/1")
	client := c.public
	if sub.AllowPrivate {
		client = c.private
	}
	answer, err := client.Do(r)
	if err != nil {
		return outcome{failure: classify(err)}
	}
	defer answer.Body.Close()
	return judge(sub.Format, answer)
}

func judge(f Format, answer *http.Response) outcome {
	o := outcome{status: answer.StatusCode, wait: retryAfter(answer.Header)}
	switch {
	case answer.StatusCode/100 == 2:
	case answer.StatusCode == http.StatusGone:
		o.failure = FailGone
	case answer.StatusCode/100 == 3:
		o.failure = FailRedirect
	case answer.StatusCode == http.StatusBadRequest && f == SET:
		o.failure = refusal(answer.Body)
	default:
		o.failure = FailStatus
	}
	return o
}

// refusalCodes are those of RFC 8935, section 2.4. Others are a receiver's own
// words, which are not kept.
func refusalCodes() []string {
	return []string{"invalid_request", "invalid_key", "invalid_issuer", "invalid_audience", "authentication_failed", "access_denied"}
}

func refusal(body io.Reader) Failure {
	var refused struct {
		Code string `json:"err"`
	}
	text, err := io.ReadAll(body) // at most maxAnswer
	if err != nil || json.Unmarshal(text, &refused) != nil {
		return FailStatus
	}
	return refusedAs(refused.Code)
}

func refusedAs(code string) Failure {
	if !slices.Contains(refusalCodes(), code) {
		return FailStatus
	}
	return FailRefused + Failure(code)
}

// retryAfter reads the seconds of a Retry-After header; the form with a date
// is not honoured.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// classify names what went wrong without repeating what others wrote.
func classify(err error) Failure {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var network net.Error
	switch {
	case errors.Is(err, outbound.ErrAddress):
		return FailAddress
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return FailTimeout
	case errors.As(err, &name):
		return FailName
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert):
		return FailTLS
	}
	return FailConnect
}
