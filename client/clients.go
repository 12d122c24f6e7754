package client

import (
	"context"
	"net/url"

	"github.com/portaria/portaria/api"
)

// The calls of this file need an access token with the scope api.AdminScope.

const adminClients = "/v1/admin/clients"

func clientPath(id string) string { return adminClients + "/" + url.PathEscape(id) }

// Clients lists a page of registered clients, by id.
func (c *Client) Clients(ctx context.Context, in api.Page) (out api.Clients, err error) {
	return out, c.do(ctx, "GET", adminClients+query(in, "", ""), nil, &out)
}

// CreateClient registers a client. The answer has its secret, this once.
func (c *Client) CreateClient(ctx context.Context, in api.NewClient) (out api.RegisteredClient, err error) {
	return out, c.do(ctx, "POST", adminClients, in, &out)
}

// RegisteredClient shows one client.
func (c *Client) RegisteredClient(ctx context.Context, id string) (out api.Client, err error) {
	return out, c.do(ctx, "GET", clientPath(id), nil, &out)
}

// DeleteClient deletes a client.
func (c *Client) DeleteClient(ctx context.Context, id string) error {
	return c.do(ctx, "DELETE", clientPath(id), nil, nil)
}

// DisableClient disables a client.
func (c *Client) DisableClient(ctx context.Context, id string) error {
	return c.do(ctx, "POST", clientPath(id)+"/disable", nil, nil)
}

// EnableClient enables a disabled client.
func (c *Client) EnableClient(ctx context.Context, id string) error {
	return c.do(ctx, "POST", clientPath(id)+"/enable", nil, nil)
}

// RotateClientSecret gives a client another secret and answers it, this once.
// The one before stays valid until DropClientSecret, or the next rotation.
func (c *Client) RotateClientSecret(ctx context.Context, id string) (out api.ClientSecret, err error) {
	return out, c.do(ctx, "POST", clientPath(id)+"/secrets", nil, &out)
}

// DropClientSecret makes the newest secret of a client the only one.
func (c *Client) DropClientSecret(ctx context.Context, id string) error {
	return c.do(ctx, "DELETE", clientPath(id)+"/secrets", nil, nil)
}
