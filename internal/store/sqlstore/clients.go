package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

var _ clients.Store = (*Store)(nil)

// Client implements [clients.Store].
func (s *Store) Client(ctx context.Context, id string) (clients.Client, error) {
	row, err := read(ctx, s, func(q *query.Queries, ctx context.Context) (query.ClientRow, error) {
		return q.Client(ctx, id)
	})
	if err != nil {
		return clients.Client{}, missing("find client", err, clients.ErrNotFound)
	}
	found, err := toClient(row.Client)
	found.Revision = rule.Seq(row.Epoch, row.N)
	return found, wrap("find client", err)
}

// Clients implements [clients.Store]. A page holds at most 1,000 clients.
func (s *Store) Clients(ctx context.Context, after string, limit int) ([]clients.Client, error) {
	rows, err := read(ctx, s, func(q *query.Queries, ctx context.Context) ([]query.Client, error) {
		return q.Clients(ctx, after, pageLimit(limit))
	})
	if err != nil {
		return nil, wrap("list clients", err)
	}
	list := make([]clients.Client, len(rows))
	for i, row := range rows {
		if list[i], err = toClient(row); err != nil {
			return nil, wrap("list clients", err)
		}
	}
	return list, nil
}

// LongestTTL implements [clients.Store].
func (s *Store) LongestTTL(ctx context.Context) (time.Duration, error) {
	longest, err := read(ctx, s, (*query.Queries).LongestAccessTTL)
	return fromMillis(longest), wrap("find longest lifetime", err)
}

// CreateClient implements [clients.Store].
func (s *Store) CreateClient(ctx context.Context, c clients.Client) error {
	row, err := toRow(c)
	if err != nil {
		return wrap("create client", err)
	}
	_, err = writeLog(ctx, s, "", func(q *query.Queries, ctx context.Context, add *additions) (none, error) {
		add.client(event.ClientCreated, c.ID, c.CreatedAt, "")
		return none{}, q.InsertClient(ctx, query.InsertClientParams(row))
	})
	return wrap("create client", err)
}

// client adds an event about a client.
func (add *additions) client(t event.Type, id string, at time.Time, reason string) {
	add.event(event.Event{Type: t, At: at, ClientID: id, Reason: reason})
}

// The reasons of client.changed events.
const (
	reasonSettings   = "settings"
	reasonNewSecret  = "secret_added"
	reasonOldSecrets = "secrets_dropped"
)

// DescribeClient implements [clients.Store]. It records an event only for a change,
// because every start describes every client.
func (s *Store) DescribeClient(ctx context.Context, c clients.Client, now time.Time) error {
	row, err := toRow(c)
	if err != nil {
		return wrap("describe client", err)
	}
	_, err = writeLog(ctx, s, "", func(q *query.Queries, ctx context.Context, add *additions) (none, error) {
		before, err := q.Client(ctx, c.ID)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return none{}, err
		}
		if err := describeClient(ctx, q, row, now); err != nil {
			return none{}, err
		}
		after, err := q.Client(ctx, c.ID)
		switch {
		case before.Client.ID == "":
			add.client(event.ClientCreated, c.ID, now, reasonSettings)
		case !reflect.DeepEqual(before.Client, after.Client):
			add.client(event.ClientChanged, c.ID, now, reasonSettings)
		}
		return none{}, err
	})
	return wrap("describe client", err)
}

func describeClient(ctx context.Context, q *query.Queries, row query.Client, now time.Time) error {
	return q.DescribeClient(ctx, query.DescribeClientParams{
		ID: row.ID, Name: row.Name, Kind: row.Kind, Secret: row.Secret, SecretAt: row.SecretAt,
		PublicKey: row.PublicKey, Audiences: row.Audiences, Scopes: row.Scopes,
		AccessTtl: row.AccessTtl, Idle: row.Idle, Absolute: row.Absolute, NoRefresh: row.NoRefresh,
		RefreshRetry: row.RefreshRetry, NoRotation: row.NoRotation,
		Grants: row.Grants, RedirectUris: row.RedirectUris, ThirdParty: row.ThirdParty,
		Profile: row.Profile, EncryptionKey: row.EncryptionKey, Configured: row.Configured, CreatedAt: row.CreatedAt,
		Recent: nullMillis(now.Add(-clients.RepeatedWithin)),
	})
}

// AddSecret implements [clients.Store].
func (s *Store) AddSecret(ctx context.Context, id string, secret clients.Secret) error {
	return s.changeClient(ctx, "add secret", id, func(q *query.Queries, ctx context.Context, add *additions) (int64, error) {
		add.client(event.ClientChanged, id, secret.CreatedAt, reasonNewSecret)
		return q.AddSecret(ctx, query.AddSecretParams{
			Secret: secret.Hash[:], SecretAt: nullMillis(secret.CreatedAt), ID: id,
			Recent: nullMillis(secret.CreatedAt.Add(-clients.RepeatedWithin)),
		})
	})
}

// DropSecrets implements [clients.Store].
func (s *Store) DropSecrets(ctx context.Context, id string, now time.Time) error {
	return s.changeClient(ctx, "drop secrets", id, func(q *query.Queries, ctx context.Context, add *additions) (int64, error) {
		add.client(event.ClientChanged, id, now, reasonOldSecrets)
		return q.DropSecrets(ctx, id)
	})
}

// EnableClient implements [clients.Store].
func (s *Store) EnableClient(ctx context.Context, id string, now time.Time) error {
	return s.changeClient(ctx, "enable client", id, func(q *query.Queries, ctx context.Context, add *additions) (int64, error) {
		add.client(event.ClientEnabled, id, now, "")
		return q.EnableClient(ctx, id)
	})
}

// changeClient runs an update of one client. An update that changes nothing records
// no event.
func (s *Store) changeClient(ctx context.Context, what, id string, ask func(*query.Queries, context.Context, *additions) (int64, error)) error {
	_, err := writeLog(ctx, s, "", func(q *query.Queries, ctx context.Context, add *additions) (none, error) {
		rows, err := ask(q, ctx, add)
		if err != nil || rows > 0 {
			return none{}, err
		}
		add.begin(add.head)
		exists, err := q.ClientExists(ctx, id)
		if err == nil && !exists {
			err = clients.ErrNotFound
		}
		return none{}, err
	})
	return missing(what, err, clients.ErrNotFound)
}

// UseAssertion implements [clients.Store].
func (s *Store) UseAssertion(ctx context.Context, clientID, jti string, expires time.Time) error {
	_, err := write(ctx, s, func(q *query.Queries, ctx context.Context) (none, error) {
		return none{}, q.InsertAssertion(ctx, query.InsertAssertionParams{
			ClientID: clientID, Jti: jti, ExpiresAt: millis(expires),
		})
	})
	return wrap("use assertion", err)
}

// PruneAssertions implements [clients.Store], in portions as PruneSessions.
func (s *Store) PruneAssertions(ctx context.Context, t time.Time) (int, error) {
	n, err := s.prune(ctx, t, (*query.Queries).PruneAssertions)
	return n, wrap("prune assertions", err)
}

// toRow converts a client to its row.
func toRow(c clients.Client) (query.Client, error) {
	audiences, err := textOf(c.Audiences)
	if err != nil {
		return query.Client{}, err
	}
	scopes, err := textOf(c.Scopes)
	if err != nil {
		return query.Client{}, err
	}
	grants, err := textOf(c.Grants)
	if err != nil {
		return query.Client{}, err
	}
	redirects, err := textOf(c.RedirectURIs)
	if err != nil {
		return query.Client{}, err
	}
	row := query.Client{
		ID: c.ID, Name: c.Name, Kind: string(c.Kind), PublicKey: c.PublicKey, Audiences: audiences, Scopes: scopes,
		AccessTtl: c.Policy.AccessTTL.Milliseconds(), Idle: c.Policy.Idle.Milliseconds(),
		Absolute: c.Policy.Absolute.Milliseconds(), NoRefresh: c.Policy.NoRefresh,
		RefreshRetry: c.Policy.RefreshRetry.Milliseconds(), NoRotation: c.Policy.NoRotation,
		Grants: grants, RedirectUris: redirects, ThirdParty: c.ThirdParty,
		Profile: c.Profile, EncryptionKey: c.EncryptionKey, Configured: c.Configured,
		CreatedAt: millis(c.CreatedAt), DisabledAt: nullMillis(c.DisabledAt), WithdrawnAt: nullMillis(c.WithdrawnAt),
	}
	if len(c.Secrets) > 0 {
		row.Secret, row.SecretAt = c.Secrets[0].Hash[:], nullMillis(c.Secrets[0].CreatedAt)
	}
	if len(c.Secrets) > 1 {
		row.OldSecret, row.OldSecretAt = c.Secrets[1].Hash[:], nullMillis(c.Secrets[1].CreatedAt)
	}
	if len(c.Secrets) > 2 {
		row.OlderSecret, row.OlderSecretAt = c.Secrets[2].Hash[:], nullMillis(c.Secrets[2].CreatedAt)
	}
	return row, nil
}

func toClient(row query.Client) (clients.Client, error) {
	c := clients.Client{
		ID: row.ID, Name: row.Name, Kind: clients.Kind(row.Kind), PublicKey: row.PublicKey,
		Policy: clients.Policy{
			AccessTTL: fromMillis(row.AccessTtl), Idle: fromMillis(row.Idle),
			Absolute: fromMillis(row.Absolute), NoRefresh: row.NoRefresh,
			RefreshRetry: fromMillis(row.RefreshRetry), NoRotation: row.NoRotation,
		},
		Profile: row.Profile, EncryptionKey: row.EncryptionKey, Configured: row.Configured,
		CreatedAt: moment(row.CreatedAt), DisabledAt: nullMoment(row.DisabledAt), WithdrawnAt: nullMoment(row.WithdrawnAt),
	}
	c.ThirdParty = row.ThirdParty
	for _, column := range []struct {
		name, text string
		list       any
	}{{"audiences", row.Audiences, &c.Audiences}, {"scopes", row.Scopes, &c.Scopes},
		{"grants", row.Grants, &c.Grants}, {"redirect_uris", row.RedirectUris, &c.RedirectURIs}} {
		if err := readList(column.text, column.list); err != nil {
			return clients.Client{}, fmt.Errorf("client %s: %s: %w", row.ID, column.name, err)
		}
	}
	if err := addSecrets(&c, row); err != nil {
		return clients.Client{}, fmt.Errorf("client %s: %w", row.ID, err)
	}
	return c, nil
}

// addSecrets reads the newest secret and the ones before.
func addSecrets(c *clients.Client, row query.Client) error {
	for _, kept := range []struct {
		hash []byte
		at   sql.NullInt64
	}{{row.Secret, row.SecretAt}, {row.OldSecret, row.OldSecretAt}, {row.OlderSecret, row.OlderSecretAt}} {
		if kept.hash == nil {
			return nil
		}
		secret := clients.Secret{CreatedAt: nullMoment(kept.at)}
		// copy would silently pad a hash of another length with zeros.
		if copy(secret.Hash[:], kept.hash) != len(kept.hash) || len(kept.hash) != len(secret.Hash) {
			return fmt.Errorf("secret of %d bytes", len(kept.hash))
		}
		c.Secrets = append(c.Secrets, secret)
	}
	return nil
}

// textOf encodes a list for one column: the two engines have no common array type.
func textOf(list []string) (string, error) {
	if len(list) == 0 {
		return "", nil
	}
	text, err := json.Marshal(list)
	return string(text), err
}

// readList reads what textOf wrote into a list; an empty text leaves it nil.
func readList(text string, list any) error {
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), list)
}

func fromMillis(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }
