package message

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/portaria/portaria/internal/event"
)

// Types of events of the Continuous Access Evaluation Profile.
const (
	caepSessionRevoked   = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	caepCredentialChange = "https://schemas.openid.net/secevent/caep/event-type/credential-change"
	// ownEvent begins the types that the profile has no word for.
	ownEvent = "urn:portaria:event:"
)

// Types of media and tokens (RFC 8417 §2.3, RFC 8935 §2).
const (
	setType  = "secevent+jwt"
	setMedia = "application/secevent+jwt"
)

// ErrUnsignable reports that the issuer's signing key is symmetric: no receiver
// could verify a Security Event Token.
var ErrUnsignable = errors.New("the signing key is symmetric, so nobody could verify a security event token")

// Signer signs with the issuer's active key.
type Signer interface {
	// Sign returns a JWT of claims, which are JSON, with this type in its header.
	// It returns [ErrUnsignable] when the key has no public half.
	Sign(now time.Time, typ string, claims []byte) (string, error)
}

// Tokens makes Security Event Tokens. Both fields are required.
type Tokens struct {
	// Issuer is the URL that the tokens name as theirs.
	Issuer string
	Signer Signer
}

// Check returns an error when no token can be signed.
func (t Tokens) Check(now time.Time) error {
	_, err := t.Signer.Sign(now, setType, []byte("{}"))
	return err
}

// claims of a Security Event Token. It has no exp, and sub_id instead of sub,
// so that nobody can take it for an access token (RFC 8417 §4.5).
type claims struct {
	Issuer   string         `json:"iss"`
	Audience string         `json:"aud"`
	IssuedAt int64          `json:"iat"`
	ID       string         `json:"jti"`
	Happened int64          `json:"toe"`
	Subject  *subject       `json:"sub_id,omitempty"`
	Events   map[string]any `json:"events"`
}

// subject is a subject identifier (RFC 9493), or several that together name
// the session of an account (format complex of the Shared Signals Framework).
type subject struct {
	Format  string   `json:"format"`
	Issuer  string   `json:"iss,omitempty"`
	Subject string   `json:"sub,omitempty"`
	ID      string   `json:"id,omitempty"`
	User    *subject `json:"user,omitempty"`
	Session *subject `json:"session,omitempty"`
}

// securityEvent is what all events of the profile say.
type securityEvent struct {
	At        int64             `json:"event_timestamp"`
	Initiator string            `json:"initiating_entity,omitempty"`
	Reason    map[string]string `json:"reason_admin,omitempty"`
	// Of a credential-change only.
	Credential string `json:"credential_type,omitempty"`
	Change     string `json:"change_type,omitempty"`
}

// Token returns an event as a signed Security Event Token for an audience. It is
// signed anew at each attempt: in three days the key may have changed.
func (t Tokens) Token(audience string, e event.Event, now time.Time) (string, error) {
	kind, content := securityEventOf(e)
	text, err := json.Marshal(claims{
		Issuer:   t.Issuer,
		Audience: audience,
		IssuedAt: now.Unix(),
		ID:       e.ID,
		Happened: e.At.Unix(),
		Subject:  subjectOf(t.Issuer, e),
		Events:   map[string]any{kind: content},
	})
	if err != nil {
		return "", err
	}
	return t.Signer.Sign(now, setType, text)
}

// Push returns the token as a request (RFC 8935).
func (t Tokens) Push(audience string, e event.Event, now time.Time) (Signed, error) {
	text, err := t.Token(audience, e, now)
	return Signed{Body: []byte(text), Header: http.Header{
		"Content-Type": {setMedia},
		"Accept":       {"application/json"},
	}}, err
}

// securityEventOf is an event in the profile's words where it has some, and in
// ours where it has none.
func securityEventOf(e event.Event) (kind string, content any) {
	about := securityEvent{At: e.At.Unix(), Initiator: initiator(e)}
	if e.Reason != "" {
		about.Reason = map[string]string{"en": e.Reason}
	}
	switch {
	case e.Type == event.PasswordChanged:
		about.Credential, about.Change = "password", "update"
		return caepCredentialChange, about
	case e.Type == event.SessionEnded, endsSessions(e):
		return caepSessionRevoked, about
	}
	return ownEvent + string(e.Type), dataOf(e)
}

// endsSessions reports whether a revocation is of a session, or of all of an
// account. After a soft one the session lives.
func endsSessions(e event.Event) bool {
	kind, mode := e.Detail["kind"], e.Detail["mode"]
	return e.Type == event.RevocationWritten && mode == "hard" && (kind == "s" || kind == "u")
}

func initiator(e event.Event) string {
	switch {
	case e.Actor == "":
		return "system"
	case e.Actor == e.AccountID:
		return "user"
	}
	return "admin"
}

func subjectOf(issuer string, e event.Event) *subject {
	user := &subject{Format: "iss_sub", Issuer: issuer, Subject: e.AccountID}
	session := &subject{Format: "opaque", ID: e.SessionID}
	switch {
	case e.AccountID != "" && e.SessionID != "":
		return &subject{Format: "complex", User: user, Session: session}
	case e.AccountID != "":
		return user
	case e.SessionID != "":
		return session
	}
	if id := cmp.Or(e.ClientID, e.KeyID); id != "" {
		return &subject{Format: "opaque", ID: id}
	}
	return nil
}
