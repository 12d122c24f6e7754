package storetest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/clients"
)

func clientPromises() promises {
	return promises{
		"a client is found as it was created": func(s *suite) {
			full := service("orders")
			full.Secrets = []clients.Secret{secretOf(2, at(time.Hour)), secretOf(1, start)}
			full.Configured, full.DisabledAt, full.WithdrawnAt = true, at(time.Minute), at(time.Second)
			bare := clients.Client{ID: "bare", CreatedAt: start}
			for _, c := range []clients.Client{full, bare} {
				s.ok(s.store.CreateClient(s.ctx, c))
				s.same(s.client(c.ID), c)
			}
		},
		"an id is taken once": func(s *suite) {
			s.registered("orders")
			other := service("orders")
			other.Name = "Another"
			s.fails(s.store.CreateClient(s.ctx, other), clients.ErrTaken)
			s.same(s.client("orders"), service("orders"))
		},
		"an unknown client is not found, changed or deleted": func(s *suite) {
			s.registered("orders")
			for _, id := range []string{"order", "", "Orders", "\x00", "\xff"} {
				_, err := s.store.Client(s.ctx, id)
				s.fails(err, clients.ErrNotFound)
			}
			for _, err := range []error{
				s.store.AddSecret(s.ctx, "nobody", secretOf(1, start)),
				s.store.DropSecrets(s.ctx, "nobody", start),
				s.store.DisableClient(s.ctx, "nobody", start),
				s.store.EnableClient(s.ctx, "nobody", start),
				s.store.DeleteClient(s.ctx, "nobody", start),
			} {
				s.fails(err, clients.ErrNotFound)
			}
			is(s, false)(s.store.WithdrawClient(s.ctx, "nobody", start))
			s.same(s.client("orders"), service("orders"))
		},
		"clients are listed by id, page after page": func(s *suite) {
			for _, id := range []string{"c", "a", "d", "b"} {
				s.registered(id)
			}
			s.clientPage("", 3, "a", "b", "c")
			s.clientPage("c", 3, "d")
			s.clientPage("bb", 1, "c")
			s.clientPage("d", 3)
			s.clientPage("", 0)
			s.clientPage("", -1)
		},
		"adding a secret keeps one older": func(s *suite) {
			c := s.registered("orders")
			first, second := secretOf(1, at(1*time.Hour)), secretOf(2, at(2*time.Hour))
			second.CreatedAt = first.CreatedAt.Add(clients.RepeatedWithin)
			s.ok(s.store.AddSecret(s.ctx, c.ID, first))
			s.same(s.client(c.ID).Secrets, []clients.Secret{first, c.Secrets[0]})
			s.ok(s.store.AddSecret(s.ctx, c.ID, second))
			c.Secrets = []clients.Secret{second, first}
			s.same(s.client(c.ID), c)
		},
		"a repeated rotation keeps the secret from before the first": func(s *suite) {
			c := s.registered("orders")
			for i := range 3 {
				added := secretOf(byte(i+1), at(time.Duration(i+1)*time.Hour))
				before := s.client(c.ID).Secrets[0]
				s.ok(s.store.AddSecret(s.ctx, c.ID, added))
				want := []clients.Secret{added, before, c.Secrets[0]}
				if i == 0 {
					want = want[:2]
				}
				s.same(s.client(c.ID).Secrets, want)
			}
			kept := s.client(c.ID)
			s.ok(s.store.DescribeClient(s.ctx, kept, at(4*time.Hour)))
			s.same(s.client(c.ID).Secrets, kept.Secrets)
			described := kept
			described.Secrets = []clients.Secret{c.Secrets[0]}
			s.ok(s.store.DescribeClient(s.ctx, described, at(4*time.Hour)))
			s.same(s.client(c.ID).Secrets, kept.Secrets)
			described.Secrets = []clients.Secret{secretOf(8, at(5*time.Hour))}
			s.ok(s.store.DescribeClient(s.ctx, described, at(5*time.Hour)))
			s.same(s.client(c.ID).Secrets, []clients.Secret{described.Secrets[0], kept.Secrets[0], c.Secrets[0]})
			s.ok(s.store.DropSecrets(s.ctx, c.ID, start))
			s.same(s.client(c.ID).Secrets, described.Secrets)
		},
		"dropping secrets keeps the newest": func(s *suite) {
			c := s.registered("orders")
			s.ok(s.store.DropSecrets(s.ctx, c.ID, start))
			s.same(s.client(c.ID), c)
			newest := secretOf(1, at(time.Hour))
			s.ok(s.store.AddSecret(s.ctx, c.ID, newest))
			s.ok(s.store.DropSecrets(s.ctx, c.ID, start))
			c.Secrets = []clients.Secret{newest}
			s.same(s.client(c.ID), c)
		},
		"a client without a secret gets its first": func(s *suite) {
			c := service("orders")
			c.Secrets = nil
			s.ok(s.store.CreateClient(s.ctx, c))
			s.ok(s.store.AddSecret(s.ctx, c.ID, secretOf(1, start)))
			s.same(s.client(c.ID).Secrets, []clients.Secret{secretOf(1, start)})
		},
		"disabling twice keeps the first moment; enabling clears it": func(s *suite) {
			c := s.registered("orders")
			s.ok(s.store.DisableClient(s.ctx, c.ID, at(time.Minute)))
			s.ok(s.store.DisableClient(s.ctx, c.ID, at(time.Hour)))
			s.same(s.client(c.ID).DisabledAt, at(time.Minute))
			s.ok(s.store.EnableClient(s.ctx, c.ID, start))
			s.same(s.client(c.ID), c)
		},
		"a deleted client is gone, and its id is free": func(s *suite) {
			s.registered("orders")
			s.ok(s.store.DeleteClient(s.ctx, "orders", start))
			_, err := s.store.Client(s.ctx, "orders")
			s.fails(err, clients.ErrNotFound)
			s.registered("orders")
		},
		"the longest lifetime is that of all clients": func(s *suite) {
			is(s, time.Duration(0))(s.store.LongestTTL(s.ctx))
			s.ok(s.store.CreateClient(s.ctx, clients.Client{ID: "bare", CreatedAt: start}))
			is(s, time.Duration(0))(s.store.LongestTTL(s.ctx))
			s.registered("orders")
			long := service("long")
			long.Policy.AccessTTL = 30 * 24 * time.Hour
			s.ok(s.store.CreateClient(s.ctx, long))
			is(s, long.Policy.AccessTTL)(s.store.LongestTTL(s.ctx))
		},
		"moments of a client are rounded down to milliseconds": func(s *suite) {
			odd := start.Add(999_999 * time.Nanosecond)
			c := service("orders")
			c.CreatedAt, c.Secrets[0].CreatedAt = odd, odd
			s.ok(s.store.CreateClient(s.ctx, c))
			s.ok(s.store.DisableClient(s.ctx, c.ID, odd.Add(time.Second)))
			want := service("orders")
			want.DisabledAt = at(time.Second)
			s.same(s.client(c.ID), want)
		},
	}
}

func describedPromises() promises {
	return promises{
		"describing creates, and describing again changes nothing": func(s *suite) {
			c := described("orders")
			s.ok(s.store.DescribeClient(s.ctx, c, start))
			s.same(s.client(c.ID), c)
			again := described("orders")
			again.CreatedAt, again.Secrets[0].CreatedAt = at(time.Hour), at(time.Hour)
			s.ok(s.store.DescribeClient(s.ctx, again, start))
			s.same(s.client(c.ID), c)
		},
		"describing keeps secrets, DisabledAt and CreatedAt": func(s *suite) {
			c := s.registered("orders")
			s.ok(s.store.AddSecret(s.ctx, c.ID, secretOf(1, at(time.Hour))))
			s.ok(s.store.DisableClient(s.ctx, c.ID, at(time.Minute)))
			before := s.client(c.ID)
			next := clients.Client{ID: c.ID, Name: "Other", Kind: clients.App, Configured: true, CreatedAt: at(9 * time.Hour)}
			s.ok(s.store.DescribeClient(s.ctx, next, start))
			next.Secrets, next.CreatedAt, next.DisabledAt = before.Secrets, before.CreatedAt, before.DisabledAt
			s.same(s.client(c.ID), next)
		},
		"a described secret becomes the newest unless it is kept already": func(s *suite) {
			c := described("orders")
			s.ok(s.store.DescribeClient(s.ctx, c, start))
			rotated := secretOf(1, at(time.Hour))
			s.ok(s.store.AddSecret(s.ctx, c.ID, rotated))
			s.ok(s.store.DescribeClient(s.ctx, c, start))
			s.same(s.client(c.ID).Secrets, []clients.Secret{rotated, c.Secrets[0]})
			next := described("orders")
			next.Secrets = []clients.Secret{secretOf(2, at(2*time.Hour))}
			s.ok(s.store.DescribeClient(s.ctx, next, at(time.Hour+clients.RepeatedWithin)))
			s.same(s.client(c.ID).Secrets, []clients.Secret{next.Secrets[0], rotated})
		},
		"a described public key takes the place of secrets": func(s *suite) {
			c := s.registered("orders")
			s.ok(s.store.AddSecret(s.ctx, c.ID, secretOf(1, at(time.Hour))))
			c.Secrets, c.PublicKey = nil, `{"kty":"EC"}`
			s.ok(s.store.DescribeClient(s.ctx, c, start))
			s.same(s.client(c.ID), c)
		},
		"only a configured client is withdrawn, and once; describing brings it back": func(s *suite) {
			s.registered("mine")
			is(s, false)(s.store.WithdrawClient(s.ctx, "mine", start))
			c := described("orders")
			s.ok(s.store.DescribeClient(s.ctx, c, start))
			is(s, true)(s.store.WithdrawClient(s.ctx, c.ID, at(time.Hour)))
			is(s, false)(s.store.WithdrawClient(s.ctx, c.ID, at(2*time.Hour)))
			gone := c
			gone.Configured, gone.WithdrawnAt = false, at(time.Hour)
			s.same(s.client(c.ID), gone)
			s.ok(s.store.DescribeClient(s.ctx, c, start))
			s.same(s.client(c.ID), c)
		},
		"describing again does not enable a client that an administrator disabled": func(s *suite) {
			c := described("orders")
			s.ok(s.store.DescribeClient(s.ctx, c, start))
			s.ok(s.store.DisableClient(s.ctx, c.ID, at(time.Minute)))
			is(s, true)(s.store.WithdrawClient(s.ctx, c.ID, at(time.Hour)))
			s.ok(s.store.DescribeClient(s.ctx, c, start))
			s.same(s.client(c.ID).DisabledAt, at(time.Minute))
		},
		"enabling keeps a withdrawn client": func(s *suite) {
			c := described("orders")
			s.ok(s.store.DescribeClient(s.ctx, c, start))
			is(s, true)(s.store.WithdrawClient(s.ctx, c.ID, at(time.Hour)))
			s.ok(s.store.EnableClient(s.ctx, c.ID, start))
			c.Configured = false
			s.same(s.client(c.ID), c)
		},
	}
}

func assertionPromises() promises {
	return promises{
		"an assertion is used once, by each client": func(s *suite) {
			s.ok(s.store.UseAssertion(s.ctx, "orders", "1", at(time.Minute)))
			s.fails(s.store.UseAssertion(s.ctx, "orders", "1", at(time.Hour)), clients.ErrReplayed)
			s.ok(s.store.UseAssertion(s.ctx, "orders", "2", at(time.Minute)))
			s.ok(s.store.UseAssertion(s.ctx, "stock", "1", at(time.Minute)))
		},
		"an assertion stays used when its client is deleted": func(s *suite) {
			s.registered("orders")
			s.ok(s.store.UseAssertion(s.ctx, "orders", "1", at(time.Minute)))
			s.ok(s.store.DeleteClient(s.ctx, "orders", start))
			s.registered("orders")
			s.fails(s.store.UseAssertion(s.ctx, "orders", "1", at(time.Minute)), clients.ErrReplayed)
		},
		"pruning forgets the assertions that have expired": func(s *suite) {
			for i, expires := range []time.Time{at(time.Minute), at(time.Hour), at(time.Hour + time.Millisecond)} {
				s.ok(s.store.UseAssertion(s.ctx, "orders", fmt.Sprint(i), expires))
			}
			is(s, 2)(s.store.PruneAssertions(s.ctx, at(time.Hour)))
			is(s, 0)(s.store.PruneAssertions(s.ctx, at(time.Hour)))
			s.ok(s.store.UseAssertion(s.ctx, "orders", "1", at(2*time.Hour)))
			s.fails(s.store.UseAssertion(s.ctx, "orders", "2", at(2*time.Hour)), clients.ErrReplayed)
		},
		"pruning leaves no expired assertion over, however many there are": func(s *suite) {
			s.together(1100, func(i int) error {
				return s.store.UseAssertion(s.ctx, "orders", fmt.Sprint(i), at(time.Minute))
			})
			is(s, 1100)(s.store.PruneAssertions(s.ctx, at(time.Minute)))
		},
		"one of 20 concurrent uses of an assertion wins": func(s *suite) {
			for round := range rounds {
				var winners atomic.Int64
				s.together(20, func(int) error {
					err := s.store.UseAssertion(s.ctx, "orders", fmt.Sprint(round), at(time.Minute))
					if err == nil {
						winners.Add(1)
					}
					return unless(err, clients.ErrReplayed)
				})
				s.same(winners.Load(), int64(1))
			}
		},
		"one of 20 concurrent registrations gets an id": func(s *suite) {
			var winners atomic.Int64
			s.together(20, func(int) error {
				err := s.store.CreateClient(s.ctx, service("orders"))
				if err == nil {
					winners.Add(1)
				}
				return unless(err, clients.ErrTaken)
			})
			s.same(winners.Load(), int64(1))
		},
		"20 concurrent rotations leave three secrets": func(s *suite) {
			c := s.registered("orders")
			s.together(20, func(i int) error {
				return errors.Join(s.store.AddSecret(s.ctx, c.ID, secretOf(byte(i), start)), s.store.DescribeClient(s.ctx, c, start))
			})
			kept := s.client(c.ID).Secrets
			s.same(len(kept), 3)
			s.same(kept[2], c.Secrets[0]) // the one in use
			if kept[0].Hash == kept[1].Hash {
				s.Fatal("kept one secret twice")
			}
		},
	}
}

// service is a client with one secret, ready to be registered.
func service(id string) clients.Client {
	return clients.Client{
		ID:            id,
		Name:          "Service " + id,
		Kind:          clients.Service,
		Secrets:       []clients.Secret{secretOf(255, start)},
		Audiences:     []string{"stock", "billing system"},
		Scopes:        []string{"orders:read", `"quoted"`},
		Authorization: clients.Authorization{Grants: []string{"client_credentials", "password"}, RedirectURIs: []string{"https://a.example/?b=\"c\"", "x.y:/"}, ThirdParty: true},
		Policy:        clients.Policy{AccessTTL: 15 * time.Minute, Idle: time.Hour, Absolute: 24 * time.Hour, NoRefresh: true},
		Profile:       "jwt",
		EncryptionKey: `{"kty":"EC"}`,
		CreatedAt:     start,
	}
}

// described is a client of the settings.
func described(id string) clients.Client {
	c := service(id)
	c.Configured = true
	return c
}

func secretOf(first byte, created time.Time) clients.Secret {
	return clients.Secret{Hash: [32]byte{first, 0, 31: 7}, CreatedAt: created}
}

func (s *suite) registered(id string) clients.Client {
	s.Helper()
	c := service(id)
	s.ok(s.store.CreateClient(s.ctx, c))
	return c
}

func (s *suite) client(id string) clients.Client {
	s.Helper()
	found, err := s.store.Client(s.ctx, id)
	s.ok(err)
	found.Revision = 0 // the log's
	return found
}

// clientPage expects these ids on a page.
func (s *suite) clientPage(after string, limit int, want ...string) {
	s.Helper()
	list, err := s.store.Clients(s.ctx, after, limit)
	s.ok(err)
	var got []string
	for _, c := range list {
		got = append(got, c.ID)
	}
	s.same(got, want)
}
