package httpapi

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/problem"
)

// basicChallenge asks for a client's name and secret (RFC 7617).
const basicChallenge = `Basic realm="portaria", charset="UTF-8"`

// errBasic says that an Authorization header cannot be read as HTTP Basic.
var errBasic = errors.New("authorization is not HTTP Basic")

var errAssertionType = errors.New("client_assertion and client_assertion_type do not belong together")

// basicClient reads what a client shows in the Authorization header: its name
// and secret, each form-encoded before they are joined (RFC 6749 §2.3.1). No
// header, or one of another scheme, shows nothing. Error: errBasic.
func basicClient(h http.Header) (clients.Shown, error) {
	scheme, credentials, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Basic") {
		return clients.Shown{}, nil
	}
	text, err := base64.StdEncoding.Strict().DecodeString(strings.Trim(credentials, " "))
	if err != nil {
		return clients.Shown{}, errBasic
	}
	name, password, ok := strings.Cut(string(text), ":")
	id, errID := url.QueryUnescape(name)
	text2, errSecret := url.QueryUnescape(password)
	if !ok || errID != nil || errSecret != nil || id == "" || text2 == "" {
		return clients.Shown{}, errBasic
	}
	return clients.Shown{ClientID: id, Secret: clients.Plain(text2)}, nil
}

// authenticated answers the client that an OAuth request comes from, proved by
// exactly one method: client_secret_basic, client_secret_post, private_key_jwt,
// or none, which public clients alone have. An assertion is not yet spent. Errors:
// clients.ErrNotProved, or an api.OAuthError.
func (s *Server) authenticated(r *http.Request, f oauthForm, now time.Time) (*clients.Proof, error) {
	if len(r.Header.Values("Authorization")) > 1 {
		return nil, invalidRequest("Send one Authorization header.")
	}
	header, err := basicClient(r.Header)
	if err == nil && r.Header.Get("Authorization") != "" && header.ClientID == "" {
		err = errBasic
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", clients.ErrNotProved, err)
	}
	shown, err := shownBy(header, f)
	if err != nil {
		return nil, err
	}
	if shown.ClientID == "" && shown.Assertion == "" {
		return nil, &api.OAuthError{Code: invalidClient, Description: "client_id is missing: send it in the form, or with the secret in HTTP Basic."}
	}
	return s.Prover.Examine(r.Context(), shown, now)
}

// shownBy joins what the header and the form show.
func shownBy(header clients.Shown, f oauthForm) (clients.Shown, error) {
	form := clients.Shown{
		ClientID:  f.get("client_id"),
		Secret:    clients.Plain(f.get("client_secret")),
		Assertion: clients.Plain(f.get("client_assertion")),
	}
	kind, methods := f.get("client_assertion_type"), 0
	for _, used := range []bool{header.Secret != "", form.Secret != "", form.Assertion != "" || kind != ""} {
		if used {
			methods++
		}
	}
	switch {
	case methods > 1:
		return clients.Shown{}, invalidRequest("Use one method of client authentication.")
	case header.Secret != "" && form.ClientID != "" && form.ClientID != header.ClientID:
		return clients.Shown{}, invalidRequest("The client_id is not the one in Authorization.")
	case header.Secret != "":
		return header, nil
	case kind != "" && (kind != api.AssertionType || form.Assertion == ""), kind == "" && form.Assertion != "":
		return clients.Shown{}, fmt.Errorf("%w: %w", clients.ErrNotProved, errAssertionType)
	}
	return form, nil
}

// through answers the application that a person uses: the one that is named in
// the body, which may prove itself there by an assertion, or that proved itself
// with HTTP Basic. Neither is Portaria itself, the zero Client, for which nothing
// is read. The caller must see to it that an assertion is spent. Errors: clients.ErrNotProved, clients.ErrBarred.
func (s *Server) through(ctx context.Context, c Caller, named clients.Shown) (*clients.Proof, error) {
	shown := c.shown
	switch {
	case shown.ClientID == "" && named.Assertion == "" && (named.ClientID == "" || named.ClientID == issue.ClientID):
		return &clients.Proof{}, nil
	case shown.ClientID == "":
		shown = named
	case named.Assertion != "":
		return nil, problem.Field("client_assertion", "is one proof too many beside Authorization")
	case named.ClientID != "" && named.ClientID != shown.ClientID:
		return nil, problem.Field("client_id", "is not the one in Authorization")
	}
	proof, err := s.Prover.Examine(ctx, shown, c.Use.At)
	unproved := shown.Secret == "" && shown.Assertion == ""
	switch {
	case errors.Is(err, clients.ErrNotProved) && unproved:
		return nil, fmt.Errorf("%w: %w", clients.ErrBarred, err)
	case err == nil && proof.Client.Kind != clients.App:
		return nil, fmt.Errorf("%w: client %s is a service", clients.ErrBarred, proof.Client.ID)
	}
	return proof, err
}
