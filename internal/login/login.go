// Package login joins accounts, passwords, sessions and tokens into what
// people do: sign up, sign in, refresh, step up and change the password.
package login

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/token"
)

// ErrSignUpClosed says that only an administrator creates accounts here.
var ErrSignUpClosed = errors.New("sign-up closed")

// ClientID is the client of people who sign in to Portaria itself.
const ClientID = "portaria"

// OperatorClientID is the client of the operator's tokens, which belong to no
// session.
const OperatorClientID = "portaria-cli"

// Policy is what may be done without an administrator, and for how long. The
// zero value is refused by Validate.
type Policy struct {
	// SignUpOpen lets anybody create an account.
	SignUpOpen bool
	// AccessTTL is the lifetime of access tokens.
	AccessTTL time.Duration
	// RefreshRetry is how long a spent refresh token answers the same successor
	// again, where its client says nothing: see session.Terms.
	RefreshRetry time.Duration
}

// MinAccessTTL and MaxAccessTTL bound Policy.AccessTTL: a shorter token has
// expired before it arrives, a longer one belongs to nobody's duty.
const (
	MinAccessTTL = time.Second
	MaxAccessTTL = 30 * 24 * time.Hour
)

// Validate reports what is wrong with the policy.
func (p Policy) Validate() error {
	if p.AccessTTL < MinAccessTTL || p.AccessTTL > MaxAccessTTL {
		return fmt.Errorf("access token lifetime %v: must be between %v and %v", p.AccessTTL, MinAccessTTL, MaxAccessTTL)
	}
	if p.RefreshRetry < 0 {
		return fmt.Errorf("refresh retry %v: must not be negative", p.RefreshRetry)
	}
	return nil
}

// Service runs the flows. Make it with New.
type Service struct {
	store    Store
	accounts account.Store
	people   *account.Directory
	chain    *session.Chain
	tokens   *token.Issuer
	events   Events
	policy   Policy
}

// Config is what the flows stand on. Every field is required.
type Config struct {
	Store    Store
	Accounts account.Store
	People   *account.Directory
	Chain    *session.Chain
	Tokens   *token.Issuer
	Events   Events
	Policy   Policy
}

// New checks the policy.
func New(c Config) (*Service, error) {
	if err := c.Policy.Validate(); err != nil {
		return nil, fmt.Errorf("login policy: %w", err)
	}
	return &Service{c.Store, c.Accounts, c.People, c.Chain, c.Tokens, c.Events, c.Policy}, nil
}

// SignUp creates an account and answers its id. Errors: ErrSignUpClosed and
// those of account.Directory.Register.
func (s *Service) SignUp(ctx context.Context, identifier, chosen string, now time.Time) (string, error) {
	if !s.policy.SignUpOpen {
		return "", ErrSignUpClosed
	}
	return s.CreateAccount(ctx, identifier, chosen, now)
}

// CreateAccount creates an account for an administrator, whether or not
// sign-up is open.
func (s *Service) CreateAccount(ctx context.Context, identifier, chosen string, now time.Time) (string, error) {
	a, err := s.people.Register(ctx, identifier, chosen, now)
	return a.ID, err
}

// Password signs in, for an access token as wished. All reasons not to that lie
// in the account are account.ErrNotProved; only password.ErrBusy and the errors
// of token.Issuer.Recipient are told apart.
func (s *Service) Password(ctx context.Context, identifier string, plain password.Plain, wish Wish, use session.Use) (Tokens, error) {
	plan, err := s.plan(ctx, wish, use.At)
	if err != nil {
		return Tokens{}, err
	}
	proof, err := s.people.Prove(ctx, identifier, plain)
	if err == nil || errors.Is(err, account.ErrNotProved) {
		// A guess counts as a use of the client's proof. A full queue does not.
		if spent := wish.Proof.Spend(ctx); spent != nil {
			return Tokens{}, spent
		}
	}
	if err != nil {
		return Tokens{}, s.failed(ctx, proof, attempt{client: plan.terms.ClientID, Use: use}, err)
	}
	plan.terms.Audience = wish.Audience
	started, err := s.chain.Start(proof.Account.ID, session.Proofs(nil).With(session.MethodPassword, use.At.Truncate(time.Millisecond)), plan.terms, use)
	if err != nil {
		return Tokens{}, fmt.Errorf("start session: %w", err)
	}
	return s.start(ctx, grant{session: started.Session, refresh: started.Token, plan: plan, fresh: true}, Start{
		Session:      started.Session,
		Account:      proof.Account,
		NewHash:      s.renewed(ctx, proof, plain),
		MostSessions: s.chain.PerAccount(),
	}, use.At)
}

// start stores a session and issues its first tokens, or does neither.
func (s *Service) start(ctx context.Context, g grant, step Start, now time.Time) (Tokens, error) {
	claims, _ := s.wanted(g, now)
	draft, err := s.tokens.Prepare(ctx, now, g.plan.recipient, claims)
	if err != nil {
		return Tokens{}, fmt.Errorf("start session: %w", err)
	}
	g.session.Revision, err = s.store.StartSession(ctx, step)
	if errors.Is(err, account.ErrChanged) {
		// The password was right a moment ago. It no longer is.
		return Tokens{}, fmt.Errorf("%w: %w", account.ErrNotProved, err)
	}
	if err != nil {
		return Tokens{}, fmt.Errorf("start session: %w", err)
	}
	return s.issue(g, draft.Mint, now)
}

// renewed is a new hash where the old one has outdated parameters. A sign-in
// does not fail because the hasher is too busy for this: the next one renews.
func (s *Service) renewed(ctx context.Context, p account.Proof, plain password.Plain) string {
	if !p.Outdated {
		return ""
	}
	phc, err := s.people.Rehash(ctx, plain)
	if err != nil {
		return ""
	}
	return phc
}

// Refresh spends a refresh token, for an access token as wished. The event, if
// any, is to be logged whether or not there is an error. Errors: those of
// session.Chain.Refresh, and those of token.Issuer.Recipient, also for the audience
// of the sign-in, which counts when the wish names none. They spend nothing: a client that comes back with the same token must not look like a
// thief.
func (s *Service) Refresh(ctx context.Context, t session.Token, wish Wish, use session.Use) (Tokens, session.Event, error) {
	plan, err := s.plan(ctx, wish, use.At)
	if err != nil {
		return Tokens{}, session.Event{}, err
	}
	// Such a client was given none, unless its policy was another one then.
	if wish.Client.Policy.NoRefresh {
		return Tokens{}, session.Event{}, session.ErrTokenInvalid
	}
	var tokens Tokens
	// The token is minted before the refresh token is spent: its session was read
	// before, and a session that has ended meanwhile is not refreshed.
	got, err := s.chain.RefreshWith(ctx, t, plan.terms, use, func(next session.Refreshed) (err error) {
		if next.Token != "" && wish.Audience == "" && next.Session.Audience != "" {
			// The audience of the sign-in, unless another is asked for.
			kept := wish
			kept.Audience = next.Session.Audience
			if plan, err = s.plan(ctx, kept, use.At); err != nil {
				return err
			}
		}
		if next.Token != "" {
			tokens, err = s.issue(grant{session: next.Session, refresh: next.Token, plan: plan}, s.tokens.MintFor, use.At)
		}
		return cmp.Or(err, wish.Proof.Spend(ctx))
	})
	err = errors.Join(err, s.remember(ctx, got.Event))
	if err != nil {
		return Tokens{}, got.Event, err
	}
	return tokens, got.Event, nil
}

// StepUp proves the password again within a living session and answers a
// fresh access token as wished; the wish names the session's client. The session
// keeps its refresh token.
func (s *Service) StepUp(ctx context.Context, in session.Session, plain password.Plain, wish Wish, now time.Time) (Tokens, error) {
	wish.Audience = cmp.Or(wish.Audience, in.Audience)
	plan, err := s.plan(ctx, wish, now)
	if err != nil {
		return Tokens{}, err
	}
	if _, err := s.proveOwner(ctx, in, plain, now); err != nil {
		return Tokens{}, err
	}
	in.Proofs = in.Proofs.With(session.MethodPassword, now.Truncate(time.Millisecond))
	tokens, err := s.issue(grant{session: in, plan: plan, fresh: true}, s.tokens.MintFor, now)
	if err != nil {
		return Tokens{}, err
	}
	alive, err := s.chain.StepUp(ctx, in.ID, in.Proofs)
	if err != nil {
		return Tokens{}, fmt.Errorf("step up session: %w", err)
	}
	if !alive {
		return Tokens{}, session.ErrEnded
	}
	return tokens, nil
}

// Change is the wish of a signed-in person for a new password.
type Change struct {
	Session session.Session
	Current password.Plain
	New     string
	At      time.Time
}

// ChangePassword replaces the password and ends the account's other sessions
// in one step.
func (s *Service) ChangePassword(ctx context.Context, c Change) error {
	proof, err := s.proveOwner(ctx, c.Session, c.Current, c.At)
	if err != nil {
		return err
	}
	phc, err := s.people.HashNew(ctx, proof.Account, c.New)
	if err != nil {
		return err
	}
	_, err = s.accounts.ChangePassword(ctx, account.PasswordChange{
		Account:     proof.Account,
		NewHash:     phc,
		KeepSession: c.Session.ID,
		At:          c.At.Truncate(time.Millisecond),
	})
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	return nil
}

// setTries bounds how often SetPassword looks again because the account was
// changed meanwhile.
const setTries = 5

// SetPassword gives an account a password that an administrator chose, and ends
// all its sessions in the same step; it returns how many. The account keeps its
// id, and a disabled account stays disabled. Errors: account.ErrNotFound, and
// those of account.Directory.HashNew.
func (s *Service) SetPassword(ctx context.Context, id, chosen string, now time.Time) (int, error) {
	a, err := s.accounts.Account(ctx, id)
	if err != nil {
		return 0, fmt.Errorf("find account: %w", err)
	}
	phc, err := s.people.HashNew(ctx, a, chosen)
	if err != nil {
		return 0, err
	}
	for range setTries {
		n, err := s.accounts.ChangePassword(ctx, account.PasswordChange{
			Account: a, NewHash: phc, At: now.Truncate(time.Millisecond),
		})
		if !errors.Is(err, account.ErrChanged) {
			return n, err
		}
		// Its owner changed the password, or signed in and had it hashed anew.
		if a, err = s.accounts.Account(ctx, id); err != nil {
			return 0, fmt.Errorf("find account: %w", err)
		}
	}
	return 0, fmt.Errorf("set password: %w", account.ErrChanged)
}

// proveOwner checks the password of the account that a session belongs to.
func (s *Service) proveOwner(ctx context.Context, in session.Session, plain password.Plain, now time.Time) (account.Proof, error) {
	a, err := s.accounts.Account(ctx, in.AccountID)
	if err != nil {
		return account.Proof{}, fmt.Errorf("find account: %w", err)
	}
	proof, err := s.people.ProveFor(ctx, a, plain)
	return proof, s.failed(ctx, proof, attempt{session: in.ID, client: in.ClientID, Use: session.Use{At: now}}, err)
}

// DisableAccount bars an account and ends its sessions; it answers how many.
func (s *Service) DisableAccount(ctx context.Context, id string, now time.Time) (int, error) {
	return s.accounts.DisableAccount(ctx, id, now.Truncate(time.Millisecond))
}

// DeleteAccount removes an account and all that belongs to it.
func (s *Service) DeleteAccount(ctx context.Context, id string, now time.Time) error {
	return s.accounts.DeleteAccount(ctx, id, now.Truncate(time.Millisecond))
}
