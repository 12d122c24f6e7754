package clients

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// Directory registers clients and changes them. Make it with NewDirectory.
type Directory struct {
	Config
}

// Config is what a Directory needs. Every field is required unless it says otherwise.
type Config struct {
	Store Store
	// Key is the server key that secrets are hashed under.
	Key Key
	// Keys returns the keys that are valid now; new secrets are hashed with the first.
	// Without Keys, only Key is valid.
	Keys func() []Key
	// Promise makes sure, before a client is registered, that access tokens of this
	// lifetime can be verified until they expire. Its error becomes a fault of
	// access_ttl.
	Promise func(ctx context.Context, ttl time.Duration) error
	// Settled reports whether the settings define the tokens for an audience. A client
	// with this id must not define them as well: one definition would have no effect,
	// and the other one might be the one without encryption.
	Settled func(audience string) bool
}

// NewDirectory joins the store of clients and the key of their secrets.
func NewDirectory(c Config) *Directory { return &Directory{c} }

// Registration describes a new client. An empty Name becomes the id.
type Registration struct {
	Client
	// NoSecret registers an app without credentials: a browser or a phone
	// cannot keep a secret (RFC 8252 §8.5).
	NoSecret bool
}

// Create registers a client and returns its secret, which cannot be read again; empty
// for a client with a public key or without credentials. Errors: Faults, ErrTaken.
func (d *Directory) Create(ctx context.Context, r Registration, now time.Time) (Client, Plain, error) {
	c := r.Client
	c.Name = cmp.Or(c.Name, c.ID)
	c.Secrets, c.Configured, c.CreatedAt = nil, false, now.Truncate(time.Millisecond)
	if err := d.check(ctx, c, credentials(r)); err != nil {
		return Client{}, "", err
	}
	var plain Plain
	if c.PublicKey == "" && !r.NoSecret {
		plain = newSecret()
		c.Secrets = []Secret{d.secret(plain, now)}
	}
	if err := d.Store.CreateClient(ctx, c); err != nil {
		return Client{}, "", err
	}
	return c, plain, nil
}

// credentials refuses a client that could never authenticate.
func credentials(r Registration) (f Faults) {
	switch {
	case r.NoSecret && r.Kind == Service:
		f.add("public", "is for apps: a service must be able to prove itself")
	case r.NoSecret && r.PublicKey != "":
		f.add("public", "excludes public_key")
	}
	f.add("scopes", r.checkPublicScopes(r.NoSecret && r.Kind == App))
	f.add("rotation", r.checkPublicRotation(r.NoSecret && r.Kind == App))
	return f
}

// check validates a client and promises its tokens.
func (d *Directory) check(ctx context.Context, c Client, f Faults) error {
	var more Faults
	if errors.As(c.Validate(), &more) {
		f = append(f, more...)
	}
	if err := append(f, d.unsettled(c)...).err(); err != nil {
		return err
	}
	if err := d.Promise(ctx, c.Policy.AccessTTL); err != nil {
		return fmt.Errorf("promise access tokens of %v: %w", c.Policy.AccessTTL, err)
	}
	return nil
}

// unsettled returns the fields of a client that define its tokens although the settings
// define them as well.
func (d *Directory) unsettled(c Client) (f Faults) {
	const both = "the settings say what tokens for this audience look like (audience, audience_profiles, audience_encryption): take it out of the one or the other"
	if !d.Settled(c.ID) {
		return nil
	}
	if c.Profile != "" {
		f.add("profile", both)
	}
	if c.EncryptionKey != "" {
		f.add("encryption_key", both)
	}
	return f
}

// Check returns Faults for the first usable client that contradicts the settings.
func (d *Directory) Check(ctx context.Context) error {
	for c, err := range d.All(ctx) {
		if err == nil && !c.Disabled() {
			err = d.unsettled(c).err()
		}
		if err != nil {
			return fmt.Errorf("client %s: %w", c.ID, err)
		}
	}
	return nil
}

func (d *Directory) secret(plain Plain, now time.Time) Secret {
	key := d.Key
	if d.Keys != nil {
		if keys := d.Keys(); len(keys) > 0 {
			key = keys[0]
		}
	}
	return Secret{Hash: Hash(key, plain), CreatedAt: now.Truncate(time.Millisecond)}
}

// RotateSecret gives a client a new secret and returns it; it cannot be read again. The
// previous one stays valid. Older ones do not, unless this repeats a rotation within
// RepeatedWithin: then the secret from before the first rotation stays valid as well.
// Errors: ErrNotFound, ErrNoSecret.
func (d *Directory) RotateSecret(ctx context.Context, id string, now time.Time) (Plain, error) {
	c, err := d.Store.Client(ctx, id)
	if err != nil {
		return "", err
	}
	if c.PublicKey != "" || c.Public() {
		return "", ErrNoSecret
	}
	plain := newSecret()
	return plain, d.Store.AddSecret(ctx, id, d.secret(plain, now))
}

// DropOldSecret forgets all secrets but the newest. Errors: ErrNotFound.
func (d *Directory) DropOldSecret(ctx context.Context, id string, now time.Time) error {
	return d.Store.DropSecrets(ctx, id, now)
}

// Disable disables a client. Errors: ErrNotFound.
func (d *Directory) Disable(ctx context.Context, id string, now time.Time) error {
	return d.Store.DisableClient(ctx, id, now.Truncate(time.Millisecond))
}

// Enable enables a disabled client. One that was removed from the settings stays
// registered from then on. Errors: ErrNotFound; Faults if the settings contradict it.
func (d *Directory) Enable(ctx context.Context, id string, now time.Time) error {
	c, err := d.Store.Client(ctx, id)
	if err == nil {
		err = d.unsettled(c).err()
	}
	if err != nil {
		return err
	}
	return d.Store.EnableClient(ctx, id, now)
}

// Delete removes a client. Errors: ErrNotFound; ErrConfigured for one that the next
// start would create again.
func (d *Directory) Delete(ctx context.Context, id string, now time.Time) error {
	c, err := d.Store.Client(ctx, id)
	switch {
	case err != nil:
		return err
	case c.Configured:
		return ErrConfigured
	}
	return d.Store.DeleteClient(ctx, id, now)
}
