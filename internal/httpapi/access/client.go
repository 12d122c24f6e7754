package access

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/problem"
)

// ErrBasic reports an Authorization header that cannot be read as HTTP Basic.
var ErrBasic = errors.New("authorization is not HTTP Basic")

// BasicClient reads what a client sends in the Authorization header: its name
// and secret, each form-encoded before they are joined (RFC 6749 §2.3.1). Without
// the header, or with one of another scheme, it returns the zero value. Error: ErrBasic.
func BasicClient(h http.Header) (clients.Shown, error) {
	scheme, credentials, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Basic") {
		return clients.Shown{}, nil
	}
	text, err := base64.StdEncoding.Strict().DecodeString(strings.Trim(credentials, " "))
	if err != nil {
		return clients.Shown{}, ErrBasic
	}
	name, password, ok := strings.Cut(string(text), ":")
	id, errID := url.QueryUnescape(name)
	secret, errSecret := url.QueryUnescape(password)
	if !ok || errID != nil || errSecret != nil || id == "" || secret == "" {
		return clients.Shown{}, ErrBasic
	}
	return clients.Shown{ClientID: id, Secret: clients.Plain(secret)}, nil
}

// application returns the credentials that an application sends in the header, on a
// route that anyone may call.
func application(h http.Header) (clients.Shown, error) {
	if len(h.Values("Authorization")) > 1 {
		return clients.Shown{}, headerRepeated.Refuse()
	}
	shown, err := BasicClient(h)
	if err != nil {
		return clients.Shown{}, fmt.Errorf("%w: %w", clients.ErrNotProved, err)
	}
	return shown, nil
}

// Application returns the application that a person uses: the client that the body
// names, or the client that authenticated with HTTP Basic. A client in the body can
// authenticate with an assertion. Without any it is Portaria itself, the zero Client,
// and the database is not read. The caller must spend the proof. Errors:
// clients.ErrNotProved, clients.ErrNotAllowed.
func (g *Gate) Application(ctx context.Context, c Caller, named clients.Shown) (*clients.Proof, error) {
	shown := c.shown
	switch {
	case shown.ClientID == "" && named.Assertion == "" && (named.ClientID == "" || named.ClientID == issue.ClientID):
		return &clients.Proof{}, nil
	case shown.ClientID == "":
		shown = named
	case named.Assertion != "":
		return nil, problem.Field("client_assertion", "cannot be used together with Authorization")
	case named.ClientID != "" && named.ClientID != shown.ClientID:
		return nil, problem.Field("client_id", "is not the client in Authorization")
	}
	proof, err := g.Clients.Examine(ctx, shown, c.Use.At)
	unproved := shown.Secret == "" && shown.Assertion == ""
	switch {
	case errors.Is(err, clients.ErrNotProved) && unproved:
		return nil, fmt.Errorf("%w: %w", clients.ErrNotAllowed, err)
	case err == nil && proof.Client.Kind != clients.App:
		return nil, fmt.Errorf("%w: client %s is a service", clients.ErrNotAllowed, proof.Client.ID)
	}
	return proof, err
}
