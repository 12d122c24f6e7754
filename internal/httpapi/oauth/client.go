package oauth

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/httpapi/access"
)

var errAssertionType = errors.New("client_assertion and client_assertion_type do not match")

// clientAccess admits registered clients, which authenticate in the header or in the
// form of the body. It also admits public clients, which send only their name: a route
// that is not for everybody must refuse them. The form is then in r.PostForm.
type clientAccess struct{ gate *access.Gate }

// Admit implements [endpoint.Access].
func (a clientAccess) Admit(r *http.Request) (access.Caller, error) {
	f, err := readForm(r)
	if err != nil {
		return access.Caller{}, err
	}
	c := a.gate.Anybody(r)
	if c.Proof, err = a.authenticated(r, f, c.Use.At); err != nil {
		return access.Caller{}, err
	}
	c.Client, r.PostForm = c.Proof.Client, url.Values(f)
	return c, nil
}

// Security implements [endpoint.Access].
func (clientAccess) Security() []map[string][]string { return access.ByClient() }

// formOf returns the form that clientAccess has read.
func formOf(r *http.Request) oauthForm { return oauthForm(r.PostForm) }

// authenticated returns the client of an OAuth request. The request must use exactly
// one method: client_secret_basic, client_secret_post, private_key_jwt, or none for
// public clients. A client assertion is not marked as used yet. Errors:
// clients.ErrNotProved, or an api.OAuthError.
func (a clientAccess) authenticated(r *http.Request, f oauthForm, now time.Time) (*clients.Proof, error) {
	if len(r.Header.Values("Authorization")) > 1 {
		return nil, invalidRequest("Send one Authorization header.")
	}
	header, err := access.BasicClient(r.Header)
	if err == nil && r.Header.Get("Authorization") != "" && header.ClientID == "" {
		err = access.ErrBasic
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
	return a.gate.Clients.Examine(r.Context(), shown, now)
}

// shownBy returns the credentials of the header or of the form, and refuses both.
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
		return clients.Shown{}, invalidRequest("The client_id is not the client in Authorization.")
	case header.Secret != "":
		return header, nil
	case kind != "" && (kind != api.AssertionType || form.Assertion == ""), kind == "" && form.Assertion != "":
		return clients.Shown{}, fmt.Errorf("%w: %w", clients.ErrNotProved, errAssertionType)
	}
	return form, nil
}
