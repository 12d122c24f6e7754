package clients

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// Described is a client from the settings. An empty Name becomes the id.
type Described struct {
	Client
	// Secret is a file with the client's secret: at least 32 random characters. Without a secret and a public key, a service
	// gets its first secret from `portaria client rotate-secret`.
	Secret Plain `name:"secret" secret:"yes" file:"only"`
}

// Validate reports everything that is wrong with the description, as Faults.
func (d Described) Validate() error {
	var f, more Faults
	c := d.Client
	c.Name = cmp.Or(c.Name, c.ID)
	if errors.As(c.Validate(), &more) {
		f = append(f, more...)
	}
	if d.Secret != "" {
		f.add("secret_file", checkSecret(d.Secret))
	}
	if d.Secret != "" && d.PublicKey != "" {
		f.add("secret_file", "excludes public_key: a client authenticates in one way")
	}
	public := c.Kind == App && d.Secret == "" && c.PublicKey == ""
	f.add("scopes", c.checkPublicScopes(public))
	f.add("rotation", c.checkPublicRotation(public))
	return f.err()
}

// Describe makes the clients of the store those of the settings. It disables
// clients that the settings described before and describe no longer, and returns
// their ids. It first checks the whole list: one bad description changes nothing.
// Running it again changes nothing. Errors: Faults.
func (d *Directory) Describe(ctx context.Context, list []Described, now time.Time) (withdrawn []string, err error) {
	described := map[string]bool{}
	for _, one := range list {
		described[one.ID] = true
		if err := d.accepts(ctx, one); err != nil {
			return nil, fmt.Errorf("client %s: %w", one.ID, err)
		}
	}
	for _, one := range list {
		if err := d.describe(ctx, one, now); err != nil {
			return nil, fmt.Errorf("client %s: %w", one.ID, err)
		}
	}
	return d.withdraw(ctx, described, now)
}

// accepts checks a description, and promises its tokens (see Config.Promise).
func (d *Directory) accepts(ctx context.Context, one Described) error {
	err := one.Validate()
	if err == nil {
		err = d.unsettled(one.Client).err()
	}
	if err == nil {
		err = d.Promise(ctx, one.Policy.AccessTTL)
	}
	return err
}

func (d *Directory) describe(ctx context.Context, one Described, now time.Time) error {
	c := one.Client
	c.Name = cmp.Or(c.Name, c.ID)
	c.Secrets, c.Configured, c.CreatedAt = nil, true, now.Truncate(time.Millisecond)
	if one.Secret != "" {
		c.Secrets = []Secret{d.secret(one.Secret, now)}
	}
	return d.Store.DescribeClient(ctx, c, now)
}

// page is how many clients are read in one step.
const page = 200

// withdraw disables the clients that the settings described before.
func (d *Directory) withdraw(ctx context.Context, described map[string]bool, now time.Time) (gone []string, err error) {
	for c, err := range d.All(ctx) {
		if err != nil {
			return gone, err
		}
		if !c.Configured || described[c.ID] {
			continue
		}
		was, err := d.Store.WithdrawClient(ctx, c.ID, now.Truncate(time.Millisecond))
		if err != nil {
			return gone, err
		}
		if was {
			gone = append(gone, c.ID)
		}
	}
	return gone, nil
}

// All yields all clients, read page by page. It ends after an error.
func (d *Directory) All(ctx context.Context) func(yield func(Client, error) bool) {
	return func(yield func(Client, error) bool) {
		for after := ""; ; {
			list, err := d.Store.Clients(ctx, after, page)
			if err != nil {
				yield(Client{}, err)
				return
			}
			for _, c := range list {
				if !yield(c, nil) {
					return
				}
			}
			if len(list) < page {
				return
			}
			after = list[len(list)-1].ID
		}
	}
}
