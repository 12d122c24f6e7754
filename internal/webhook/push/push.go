// Package push sends signed events to the URLs of their receivers, and returns the outcome
// of each attempt. It does not keep the text of a response.
package push

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/portaria/portaria/internal/outbound"
	"github.com/portaria/portaria/internal/webhook/message"
)

// Timeout limits one attempt.
const Timeout = 15 * time.Second

// maxAnswer is how many bytes are read of a response that refuses a Security Event Token.
// Other response bodies are not read.
const maxAnswer = 4 << 10

// Policy says which addresses receivers may have. The zero value allows public
// addresses only.
type Policy struct {
	// InsecureLoopback lets receivers be on this machine, also with plain HTTP.
	InsecureLoopback bool
	// Networks are the private networks that a [Target] with Private may be in.
	Networks []netip.Prefix
	// Roots are the certificate authorities that receivers are checked against;
	// nil means those of the system.
	Roots *x509.CertPool
}

func (p Policy) reach(private bool) outbound.Reach {
	r := outbound.Reach{Loopback: p.InsecureLoopback}
	if private {
		r.Inner = p.Networks
	}
	return r
}

// Target is a receiver.
type Target struct {
	URL string
	// Private lets it be in a private network of the policy.
	Private bool
	// Token means that it receives Security Event Tokens, and may refuse one with a code.
	Token bool
}

// Sender sends requests to receivers. Make it with [New]. It has a client for each reach,
// so that they share no connections.
type Sender struct {
	public, private doer
}

// doer is an [outbound.Client], except in tests.
type doer interface {
	Do(*http.Request) (*http.Response, error)
}

// New returns a sender that follows no redirect and uses no proxy.
func New(p Policy) (*Sender, error) {
	public, err := newClient(p.reach(false), p.Roots)
	if err != nil {
		return nil, err
	}
	private, err := newClient(p.reach(true), p.Roots)
	return &Sender{public, private}, err
}

func newClient(r outbound.Reach, roots *x509.CertPool) (*outbound.Client, error) {
	return outbound.New(outbound.Config{Reach: r, Roots: roots, Timeout: Timeout, MaxBody: maxAnswer, KeepAlive: true})
}

// InsecureThrough returns a sender that checks no address, for tests that reach
// receivers without a network.
func InsecureThrough(rt http.RoundTripper) *Sender {
	c := &http.Client{Transport: rt, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Sender{public: c, private: c}
}

// Outcome is the result of an attempt.
type Outcome struct {
	// Status is the HTTP status; 0 without a response.
	Status  int
	Failure Failure
	// Wait is how long the receiver asks to wait (Retry-After).
	Wait time.Duration
}

// Send sends a message once.
func (s *Sender) Send(ctx context.Context, to Target, m message.Signed) Outcome {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(m.Body))
	if err != nil {
		return Outcome{Failure: FailConnect}
	}
	r.Header = m.Header.Clone()
	r.Header.Set("User-Agent", "Portaria-Webhook/1")
	client := s.public
	if to.Private {
		client = s.private
	}
	answer, err := client.Do(r)
	if err != nil {
		return Outcome{Failure: classify(err)}
	}
	defer answer.Body.Close()
	return judge(to.Token, answer)
}

func judge(token bool, answer *http.Response) Outcome {
	o := Outcome{Status: answer.StatusCode, Wait: retryAfter(answer.Header)}
	switch {
	case answer.StatusCode/100 == 2:
	case answer.StatusCode == http.StatusGone:
		o.Failure = FailGone
	case answer.StatusCode/100 == 3:
		o.Failure = FailRedirect
	case answer.StatusCode == http.StatusBadRequest && token:
		o.Failure = refusal(answer.Body)
	default:
		o.Failure = FailStatus
	}
	return o
}

// refusalCodes are the codes of RFC 8935, section 2.4. Other codes are not kept.
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
	return RefusedAs(refused.Code)
}

// RefusedAs returns the failure of a receiver's error code.
func RefusedAs(code string) Failure {
	if !slices.Contains(refusalCodes(), code) {
		return FailStatus
	}
	return FailRefused + Failure(code)
}

// retryAfter reads the seconds of a Retry-After header. A date is ignored.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// classify returns the class of an error. It repeats no text of the receiver.
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
