package client

import (
	"context"

	"github.com/portaria/portaria/api"
)

// Events answers a part of the audit trail: the newest first or, with After,
// what happened since, oldest first. It needs an access token with the scope
// api.AdminScope.
func (c *Client) Events(ctx context.Context, in api.EventPage) (out api.Events, err error) {
	return out, c.do(ctx, "GET", "/v1/admin/events"+query(in.Page, "after", in.After, "type", in.Type,
		"account_id", in.AccountID, "session_id", in.SessionID, "client_id", in.ClientID, "since", in.Since, "until", in.Until), nil, &out)
}
