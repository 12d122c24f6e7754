package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/strictjson"
)

// means is a way to take a token back. What it answers has the receipt, where
// there is one.
type means struct {
	name string
	do   func(context.Context, *deployment, string, api.Tokens) (ack, error)
}

func allMeans() []means {
	return []means{
		{"logout", func(ctx context.Context, d *deployment, _ string, t api.Tokens) (ack, error) {
			return ack{}, d.any().WithToken(t.AccessToken).Logout(ctx)
		}},
		{"end of all sessions", func(ctx context.Context, d *deployment, _ string, t api.Tokens) (ack, error) {
			_, err := d.any().WithToken(t.AccessToken).EndSessions(ctx, "all")
			return ack{}, err
		}},
		{"stolen refresh token", stolen},
		{"rule about the token", func(ctx context.Context, d *deployment, _ string, t api.Tokens) (ack, error) {
			id, err := tokenID(t.AccessToken)
			if err != nil {
				return ack{}, err
			}
			return d.rule(ctx, api.Target{Token: id})
		}},
		{"rule about the session", func(ctx context.Context, d *deployment, _ string, t api.Tokens) (ack, error) {
			return d.rule(ctx, api.Target{Session: t.SessionID})
		}},
		{"rule about the account", func(ctx context.Context, d *deployment, account string, _ api.Tokens) (ack, error) {
			return d.rule(ctx, api.Target{Account: account})
		}},
	}
}

// stolen uses a refresh token twice, its successor in between.
func stolen(ctx context.Context, d *deployment, _ string, t api.Tokens) (ack, error) {
	next, err := d.any().Refresh(ctx, t.RefreshToken)
	if err != nil {
		return ack{}, err
	}
	if _, err := d.any().Refresh(ctx, next.RefreshToken); err != nil {
		return ack{}, err
	}
	if _, err := d.any().Refresh(ctx, t.RefreshToken); client.Code(err) != "refresh_token_reused" {
		return ack{}, fmt.Errorf("spent token: %w", err)
	}
	return ack{}, nil
}

// rule writes one and waits for the fleet to confirm it. The bound counts from
// the first answer; a wait that the issuer does not survive changes nothing.
func (d *deployment) rule(ctx context.Context, target api.Target) (ack, error) {
	issuer := d.any().AsClient(writer, d.writes)
	receipt, err := issuer.Revoke(ctx, api.Revoke{Target: target}, 0)
	if err != nil {
		return ack{}, err
	}
	a := ack{at: time.Now().UnixNano(), effectiveBy: receipt.EffectiveBy.UnixNano()}
	for until := time.Now().Add(4 * lease); time.Now().Before(until); <-time.After(pause) {
		now, err := issuer.Receipt(ctx, receipt.Seq)
		if err == nil && now.Pending == 0 {
			a.confirmed = time.Now().UnixNano()
			break
		}
	}
	return a, nil
}

// tokenID reads the jti of a token.
func tokenID(token string) (string, error) {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	text, err := jose.Decode(payload)
	if err != nil {
		return "", err
	}
	claims, err := strictjson.Parse(text)
	if err != nil {
		return "", err
	}
	id, _ := claims.Get("jti")
	return id.Text()
}
