package account

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/portaria/portaria/internal/secret"
)

// CredentialKind is the kind of a credential.
type CredentialKind string

// The kinds of credentials.
const (
	Password CredentialKind = "password"
	TOTP     CredentialKind = "totp"
	WebAuthn CredentialKind = "webauthn"
	Recovery CredentialKind = "recovery"
)

// Limits of credentials.
const (
	// MaxCredentials is the greatest number of credentials of one account.
	MaxCredentials = 64
	// MaxCredentialData is the greatest length of Credential.Data, in bytes.
	MaxCredentialData = 16 << 10
	// MaxLabel is the greatest length of Credential.Label, in characters.
	MaxLabel = 64
)

// ErrCredential reports a credential that cannot be stored: its kind is unknown, it is
// too long, or the account has MaxCredentials already. Use ChangePassword for passwords.
var ErrCredential = errors.New("credential invalid")

// Credential is something with which the owner of an account proves who they are. It
// prints without its data.
type Credential struct {
	// ID is a random UUID; the id of a password is that of its account.
	ID        string
	AccountID string
	Kind      CredentialKind
	// Data is a hash, or bytes that are sealed under the master key.
	Data secret.Text
	// Label is the name that its owner gave it.
	Label string
	// ChangedAt is when Data last changed; UsedAt when it was last proved, zero
	// for never.
	CreatedAt, ChangedAt, UsedAt time.Time
}

// Sealed returns sealed bytes as Credential.Data keeps them.
func Sealed(b []byte) secret.Text { return secret.Text(base64.StdEncoding.EncodeToString(b)) }

// Unsealed returns the bytes that Sealed was given.
func (c Credential) Unsealed() ([]byte, error) {
	return base64.StdEncoding.DecodeString(string(c.Data))
}

// NewCredential makes a credential with a new id.
func NewCredential(accountID string, kind CredentialKind, data secret.Text, label string, now time.Time) Credential {
	now = now.Truncate(time.Millisecond)
	return Credential{ID: uuid.NewString(), AccountID: accountID, Kind: kind, Data: data, Label: label, CreatedAt: now, ChangedAt: now}
}

// Validate returns an ErrCredential for a credential that AddCredential and
// ReplaceCredential may not write.
func (c Credential) Validate() error {
	switch {
	case c.Kind != TOTP && c.Kind != WebAuthn && c.Kind != Recovery:
		return fmt.Errorf("%w: kind %q", ErrCredential, c.Kind)
	case c.Data == "" || len(c.Data) > MaxCredentialData:
		return fmt.Errorf("%w: %d bytes of data, need 1 to %d", ErrCredential, len(c.Data), MaxCredentialData)
	case !utf8.ValidString(c.Label) || utf8.RuneCountInString(c.Label) > MaxLabel:
		return fmt.Errorf("%w: label longer than %d characters, or not UTF-8", ErrCredential, MaxLabel)
	}
	return nil
}

// CredentialStore keeps credentials. Every change raises CredentialsVersion in the
// same step, and is made only if the account is enabled and has the version that
// the caller read; ErrChanged otherwise. Each method is one atomic step.
type CredentialStore interface {
	// Credentials returns those of an account, oldest first, with its password.
	Credentials(ctx context.Context, accountID string) ([]Credential, error)
	// AddCredential adds one; ErrCredential.
	AddCredential(ctx context.Context, version int64, c Credential) error
	// ReplaceCredential replaces data, label and times; ErrCredential, and
	// ErrNotFound if the account has none of this id.
	ReplaceCredential(ctx context.Context, version int64, c Credential) error
	// RemoveCredential removes one; ErrNotFound if the account has none of this id.
	RemoveCredential(ctx context.Context, version int64, accountID, id string, now time.Time) error
	// ChangePassword replaces the password and ends the account's other sessions.
	// It returns how many sessions it ended.
	ChangePassword(ctx context.Context, c PasswordChange) (int, error)
}

// PasswordChange is a new password of an account.
type PasswordChange struct {
	// Account is the account as it was read when the change was permitted.
	Account Account
	NewHash string
	// KeepSession is the session that asked for the change. It is not ended;
	// empty keeps none.
	KeepSession string
	At          time.Time
}
