package admin

import (
	"context"
	"errors"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/problem"
)

func (a admin) listClients(ctx context.Context, _ access.Caller, in api.Page) (api.Clients, error) {
	limit, err := endpoint.PageLimit(in.Limit)
	if err != nil {
		return api.Clients{}, err
	}
	if in.Cursor != "" && !clients.IsID(in.Cursor) {
		return api.Clients{}, problem.Field("cursor", "use next_cursor of the previous page, unchanged")
	}
	list, err := a.Clients.Store.Clients(ctx, in.Cursor, limit+1)
	if err != nil {
		return api.Clients{}, err
	}
	list, more := endpoint.Cut(list, limit)
	out := api.Clients{Clients: make([]api.Client, len(list))}
	for i, c := range list {
		out.Clients[i] = clientOf(c)
	}
	if more {
		out.NextCursor = list[limit-1].ID
	}
	return out, nil
}

func (a admin) createClient(ctx context.Context, c access.Caller, in api.NewClient) (api.RegisteredClient, error) {
	made, plain, err := a.Clients.Create(ctx, clients.Registration{Client: described(in.ClientDescription), NoSecret: in.Public}, c.Use.At)
	if err != nil {
		return api.RegisteredClient{}, fieldsAtFault(err)
	}
	out := api.RegisteredClient{Client: clientOf(made), ClientSecret: plain.Reveal()}
	// A warning is enough: the audiences may be registered later.
	if out.UnknownAudiences = a.Clients.Unknown(ctx, made.Audiences, c.Use.At); out.UnknownAudiences != nil {
		a.Clients.Log.WarnContext(ctx, "client registered with audiences for which no tokens are issued", "client_id", made.ID, "audiences", out.UnknownAudiences)
	}
	return out, nil
}

func (a admin) showClient(ctx context.Context, _ access.Caller, in api.ClientID) (api.Client, error) {
	found, err := a.Clients.Store.Client(ctx, in.ClientID)
	return clientOf(found), err
}

func (a admin) deleteClient(ctx context.Context, c access.Caller, in api.ClientID) (endpoint.None, error) {
	return endpoint.None{}, a.Clients.Delete(ctx, in.ClientID, c.Use.At)
}

func (a admin) disableClient(ctx context.Context, c access.Caller, in api.ClientID) (endpoint.None, error) {
	return endpoint.None{}, a.Clients.Disable(ctx, in.ClientID, c.Use.At)
}

func (a admin) enableClient(ctx context.Context, c access.Caller, in api.ClientID) (endpoint.None, error) {
	return endpoint.None{}, fieldsAtFault(a.Clients.Enable(ctx, in.ClientID, c.Use.At))
}

func (a admin) rotateClientSecret(ctx context.Context, c access.Caller, in api.ClientID) (api.ClientSecret, error) {
	plain, err := a.Clients.RotateSecret(ctx, in.ClientID, c.Use.At)
	return api.ClientSecret{ClientID: in.ClientID, ClientSecret: plain.Reveal()}, err
}

func (a admin) dropClientSecret(ctx context.Context, c access.Caller, in api.ClientID) (endpoint.None, error) {
	return endpoint.None{}, a.Clients.DropOldSecret(ctx, in.ClientID, c.Use.At)
}

// fieldsAtFault returns a problem that names the invalid fields of a client.
func fieldsAtFault(err error) error {
	var faults clients.Faults
	if !errors.As(err, &faults) {
		return err
	}
	fields := make([]api.ProblemField, len(faults))
	for i, f := range faults {
		fields[i] = api.ProblemField{Field: f.Field, Detail: f.Detail}
	}
	return problem.Fields(fields...)
}

func described(in api.ClientDescription) clients.Client {
	return clients.Client{
		ID: in.ID, Name: in.Name, Kind: clients.Kind(in.Kind), PublicKey: in.PublicKey,
		Audiences: in.Audiences, Scopes: in.Scopes, Profile: in.Profile, EncryptionKey: in.EncryptionKey,
		Authorization: clients.Authorization{
			Grants: in.Grants, RedirectURIs: in.RedirectURIs, ThirdParty: in.ThirdParty,
		},
		Policy: clients.Policy{
			AccessTTL: time.Duration(in.AccessTTL) * time.Second,
			Idle:      time.Duration(in.RefreshTTL) * time.Second,
			Absolute:  time.Duration(in.SessionTTL) * time.Second,
			NoRefresh: in.NoRefresh, RefreshRetry: time.Duration(in.RefreshRetry) * time.Second, NoRotation: in.Rotation == api.RotationOff,
		},
	}
}

func clientOf(c clients.Client) api.Client {
	out := api.Client{
		ClientDescription: api.ClientDescription{
			ID: c.ID, Name: c.Name, Kind: string(c.Kind), PublicKey: c.PublicKey,
			Audiences: c.Audiences, Scopes: c.Scopes, Profile: c.Profile, EncryptionKey: c.EncryptionKey,
			Grants: names(c.Allowed()), RedirectURIs: c.RedirectURIs, ThirdParty: c.ThirdParty,
			AccessTTL: endpoint.Seconds(c.Policy.AccessTTL), RefreshTTL: endpoint.Seconds(c.Policy.Idle), SessionTTL: endpoint.Seconds(c.Policy.Absolute),
			NoRefresh: c.Policy.NoRefresh, RefreshRetry: endpoint.Seconds(c.Policy.RefreshRetry), Rotation: rotation(c.Policy),
		},
		Public:      c.Public(),
		Secrets:     make([]time.Time, len(c.Secrets)),
		Configured:  c.Configured,
		CreatedAt:   c.CreatedAt,
		DisabledAt:  endpoint.Optional(c.DisabledAt),
		WithdrawnAt: endpoint.Optional(c.WithdrawnAt),
	}
	for i, s := range c.Secrets {
		out.Secrets[i] = s.CreatedAt
	}
	return out
}

func names(grants []clients.Grant) []string {
	out := make([]string, len(grants))
	for i, g := range grants {
		out[i] = string(g)
	}
	return out
}

// rotation returns the value of rotation, or "" for the default.
func rotation(p clients.Policy) string {
	if p.NoRotation {
		return api.RotationOff
	}
	return ""
}
