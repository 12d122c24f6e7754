package app_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/store/sqlstore"
)

// newPassword is good enough, too.
const newPassword = "another horse battery"

// flow is one thing that somebody does, and how to see that it was done.
type flow struct {
	name string
	// begin prepares what the flow is about; user is a name of its own.
	begin func(t *testing.T, a *apptest.App, user string) subject
	// do is the flow. It is repeated when it has failed.
	do func(ctx context.Context, s subject) error
	// again are the codes that a repeat may have when the flow was done the
	// first time but its answer was lost.
	again []string
	// optional is a step whose failure may be passed over, 0 for none.
	optional int
	// done is nil when the flow has had its effect, all of it.
	done func(ctx context.Context, s subject) error
}

// subject is what a flow is about. faulty meets the faults of the store.
type subject struct {
	*apptest.App
	user, id string
	tokens   api.Tokens
	faulty   *client.Client
	other    string // a secret, an id or another token, as the flow needs it
}

// TestEveryFailedStepArrives fails each step that a flow has the store do, one
// after another: the caller hears of it as 503, nothing is half done, and the
// same request again works.
func TestEveryFailedStepArrives(t *testing.T) {
	for _, lost := range []bool{false, true} {
		for _, f := range flows() {
			t.Run(fmt.Sprintf("%s lost=%v", f.name, lost), func(t *testing.T) {
				t.Parallel()
				a := apptest.Start(t)
				for n := 1; f.failsAt(t, a, n, lost); n++ {
					if n > 30 {
						t.Fatal("a flow with more than 30 steps")
					}
				}
			})
		}
	}
}

// failsAt runs the flow with its n-th step failing, and reports whether it has
// so many.
func (f flow) failsAt(t *testing.T, a *apptest.App, n int, lost bool) bool {
	s := f.begin(t, a, fmt.Sprintf("user-%d", n))
	a.Faults.Fail(n, lost)
	err := f.do(t.Context(), s)
	hit := a.Faults.Hit()
	switch {
	case !hit && err != nil:
		t.Fatalf("without a fault: %v", err)
	case hit && err == nil && n == f.optional:
	case hit && err == nil:
		t.Errorf("step %d failed and the caller did not hear of it", n)
	case hit && !unavailable(err):
		t.Errorf("step %d failed: got %v, want 503", n, err)
	case hit:
		if err := f.do(t.Context(), s); err != nil && (!lost || !known(err, f.again)) {
			t.Errorf("step %d failed, and the repeat says %v", n, err)
		}
	}
	if err := f.done(t.Context(), s); err != nil {
		t.Errorf("step %d failed: %v", n, err)
	}
	return hit
}

// unavailable tells whether an error says "try again".
func unavailable(err error) bool {
	var p *api.Problem
	var o *api.OAuthError
	switch {
	case errors.As(err, &p):
		return p.Status == http.StatusServiceUnavailable
	case errors.As(err, &o):
		return o.Code == "temporarily_unavailable"
	}
	return false
}

func known(err error, codes []string) bool {
	for _, code := range codes {
		if client.Code(err) == code {
			return true
		}
	}
	return false
}

// signedIn prepares somebody with a session.
func signedIn(t *testing.T, a *apptest.App, user string) subject {
	s := subject{App: a, user: user}
	s.id, s.tokens = a.SignUp(user)
	s.faulty = a.Faulty().WithToken(s.tokens.AccessToken)
	return s
}

// administered prepares somebody whom an administrator does something to.
func administered(t *testing.T, a *apptest.App, user string) subject {
	s := signedIn(t, a, user)
	s.faulty = a.Faulty().WithToken(a.AdminToken())
	return s
}

// disabled prepares an account that is disabled.
func disabled(t *testing.T, a *apptest.App, user string) subject {
	s := administered(t, a, user)
	if _, err := a.Admin().DisableAccount(t.Context(), s.id); err != nil {
		t.Fatal(err)
	}
	return s
}

// registered prepares a service with a secret.
func registered(t *testing.T, a *apptest.App, user string) subject {
	made, err := a.Admin().CreateClient(t.Context(), service(user))
	if err != nil {
		t.Fatal(err)
	}
	return subject{App: a, user: user, other: made.ClientSecret, faulty: a.Faulty().AsClient(user, made.ClientSecret)}
}

func service(id string) api.NewClient {
	return api.NewClient{ClientDescription: api.ClientDescription{ID: id, Name: id, Kind: "service",
		Audiences: []string{id}, Scopes: []string{"introspection"}}}
}

// administeredClient prepares a service that an administrator changes.
func administeredClient(t *testing.T, a *apptest.App, user string) subject {
	s := registered(t, a, user)
	s.faulty = a.Faulty().WithToken(a.AdminToken())
	return s
}

// subscribed prepares a webhook of a service; other is its id.
func subscribed(t *testing.T, a *apptest.App, user string) subject {
	s := administeredClient(t, a, user)
	made, err := a.Admin().CreateWebhook(t.Context(), hook(user))
	if err != nil {
		t.Fatal(err)
	}
	s.other = made.ID
	return s
}

func hook(clientID string) api.NewWebhook {
	return api.NewWebhook{ClientID: clientID, Format: "poll", Types: []string{"*"}}
}

// granted prepares a service's access token, which other is.
func granted(t *testing.T, a *apptest.App, user string) subject {
	s := registered(t, a, user)
	got, err := a.AsClient(user, s.other).Token(t.Context(), api.TokenRequest{GrantType: "client_credentials"})
	if err != nil {
		t.Fatal(err)
	}
	s.tokens.RefreshToken, s.other = s.other, got.AccessToken
	return s
}

func flows() []flow {
	return slices.Concat(peopleFlows(), adminFlows(), clientFlows(), webhookFlows(), feedFlows(), readFlows())
}

// signsIn expects that the password opens, or does not open, the account.
func (s subject) signsIn(ctx context.Context, password api.Password, want bool) error {
	_, err := s.Login(ctx, api.Credentials{Identifier: s.user, Password: password})
	if (err == nil) != want {
		return fmt.Errorf("signing in as %s with %q: %v", s.user, password, err)
	}
	return nil
}

// living expects that the first session lives, or not.
func (s subject) living(ctx context.Context, want bool) error {
	_, err := s.As(s.tokens).Me(ctx)
	if (err == nil) != want {
		return fmt.Errorf("the session of %s: %v", s.user, err)
	}
	return nil
}

func (s subject) credentials() api.Credentials {
	return api.Credentials{Identifier: s.user, Password: apptest.Password}
}

// twice prepares somebody with two sessions; other is the second's id.
func twice(t *testing.T, a *apptest.App, user string) subject {
	s := signedIn(t, a, user)
	s.other = a.SignIn(user).SessionID
	// The first session is the fresher one: it may end the other.
	fresh, err := a.As(s.tokens).StepUp(t.Context(), apptest.Password)
	if err != nil {
		t.Fatal(err)
	}
	s.faulty = a.Faulty().WithToken(fresh.AccessToken)
	return s
}

func (s subject) sessions(ctx context.Context, want int) error {
	list, err := s.Admin().AllSessions(ctx, api.SessionPage{Page: api.Page{Limit: 200}})
	if err != nil {
		return err
	}
	n := 0
	for _, session := range list.Sessions {
		if session.Identifier == s.user {
			n++
		}
	}
	if n != want {
		return fmt.Errorf("%s has %d sessions, want %d", s.user, n, want)
	}
	return nil
}

func peopleFlows() []flow {
	return []flow{{
		name: "sign up",
		begin: func(_ *testing.T, a *apptest.App, user string) subject {
			return subject{App: a, user: user, faulty: a.Faulty()}
		},
		do: func(ctx context.Context, s subject) error {
			_, err := s.faulty.SignUp(ctx, s.credentials())
			return err
		},
		again: []string{"identifier_taken"},
		done:  func(ctx context.Context, s subject) error { return s.signsIn(ctx, apptest.Password, true) },
	}, {
		name:  "sign in",
		begin: signedIn,
		do: func(ctx context.Context, s subject) error {
			tokens, err := s.faulty.Login(ctx, s.credentials())
			if err != nil {
				return err
			}
			_, err = s.As(tokens).Me(ctx)
			return err
		},
		done: func(ctx context.Context, s subject) error { return s.living(ctx, true) },
	}, {
		name:  "refresh",
		begin: signedIn,
		do: func(ctx context.Context, s subject) error {
			tokens, err := s.faulty.Refresh(ctx, s.tokens.RefreshToken)
			if err != nil {
				return err
			}
			_, err = s.As(tokens).Me(ctx)
			return err
		},
		done: func(ctx context.Context, s subject) error {
			// The token again, as another tab does: the same successor, which works.
			tokens, err := s.Refresh(ctx, s.tokens.RefreshToken)
			if err != nil {
				return err
			}
			_, err = s.Refresh(ctx, tokens.RefreshToken)
			return err
		},
	}, {
		name: "refresh with a stolen token",
		begin: func(t *testing.T, a *apptest.App, user string) subject {
			s := signedIn(t, a, user)
			last := s.tokens.RefreshToken
			for range 3 {
				tokens, err := a.Refresh(t.Context(), last)
				if err != nil {
					t.Fatal(err)
				}
				last = tokens.RefreshToken
			}
			s.other = last
			return s
		},
		do: func(ctx context.Context, s subject) error {
			_, err := s.faulty.Refresh(ctx, s.tokens.RefreshToken)
			if client.Code(err) == "refresh_token_reused" {
				return s.living(ctx, false) // who is told of a theft is told of an end
			}
			return err
		},
		again: []string{"session_ended"},
		done: func(ctx context.Context, s subject) error {
			if _, err := s.Refresh(ctx, s.other); err == nil {
				return errors.New("the session goes on after a theft")
			}
			return nil
		},
	}, {
		name:  "step up",
		begin: signedIn,
		do: func(ctx context.Context, s subject) error {
			tokens, err := s.faulty.StepUp(ctx, apptest.Password)
			if err == nil && !tokens.Fresh {
				return errors.New("not fresh")
			}
			return err
		},
		done: func(ctx context.Context, s subject) error { return s.living(ctx, true) },
	}, {
		name:  "sign out",
		begin: signedIn,
		do:    func(ctx context.Context, s subject) error { return s.faulty.Logout(ctx) },
		again: []string{"session_ended", "token_revoked", "unauthenticated"},
		done: func(ctx context.Context, s subject) error {
			if _, err := s.Refresh(ctx, s.tokens.RefreshToken); err == nil {
				return errors.New("the refresh token is still good")
			}
			return s.living(ctx, false)
		},
	}, {
		name:  "change password",
		begin: signedIn,
		do: func(ctx context.Context, s subject) error {
			return s.faulty.ChangePassword(ctx, api.PasswordChange{CurrentPassword: apptest.Password, NewPassword: newPassword})
		},
		again: []string{"invalid_credentials", "wrong_password"},
		done: func(ctx context.Context, s subject) error {
			return errors.Join(s.signsIn(ctx, apptest.Password, false), s.signsIn(ctx, newPassword, true))
		},
	}, {
		name:  "end one of one's sessions",
		begin: twice,
		do:    func(ctx context.Context, s subject) error { return s.faulty.EndSession(ctx, s.other) },
		again: []string{"session_not_found"},
		done:  func(ctx context.Context, s subject) error { return s.sessions(ctx, 1) },
	}, {
		name:  "end one's other sessions",
		begin: twice,
		do: func(ctx context.Context, s subject) error {
			_, err := s.faulty.EndSessions(ctx, "others")
			return err
		},
		done: func(ctx context.Context, s subject) error { return s.sessions(ctx, 1) },
	}, {
		name:  "read one's account",
		begin: signedIn,
		do: func(ctx context.Context, s subject) error {
			me, err := s.faulty.Me(ctx)
			if err == nil && me.Account.ID != s.id {
				return fmt.Errorf("got %+v", me)
			}
			return err
		},
		done: func(ctx context.Context, s subject) error { return s.living(ctx, true) },
	}, {
		name:  "list one's sessions",
		begin: signedIn,
		do: func(ctx context.Context, s subject) error {
			list, err := s.faulty.Sessions(ctx, api.Page{})
			if err == nil && len(list.Sessions) != 1 {
				return fmt.Errorf("got %+v", list)
			}
			return err
		},
		done: func(ctx context.Context, s subject) error { return s.living(ctx, true) },
	}}
}

func adminFlows() []flow {
	return []flow{{
		name:  "disable account",
		begin: administered,
		do: func(ctx context.Context, s subject) error {
			_, err := s.faulty.DisableAccount(ctx, s.id)
			return err
		},
		done: func(ctx context.Context, s subject) error {
			return errors.Join(s.living(ctx, false), s.signsIn(ctx, apptest.Password, false))
		},
	}, {
		name:  "enable account",
		begin: disabled,
		do:    func(ctx context.Context, s subject) error { return s.faulty.EnableAccount(ctx, s.id) },
		done:  func(ctx context.Context, s subject) error { return s.signsIn(ctx, apptest.Password, true) },
	}, {
		name:  "delete account",
		begin: administered,
		do:    func(ctx context.Context, s subject) error { return s.faulty.DeleteAccount(ctx, s.id) },
		again: []string{"account_not_found"},
		done: func(ctx context.Context, s subject) error {
			return errors.Join(s.living(ctx, false), s.signsIn(ctx, apptest.Password, false))
		},
	}, {
		name:  "end an account's sessions",
		begin: administered,
		do: func(ctx context.Context, s subject) error {
			_, err := s.faulty.EndAccountSessions(ctx, s.id)
			return err
		},
		done: func(ctx context.Context, s subject) error { return s.living(ctx, false) },
	}, {
		name:  "end any session",
		begin: administered,
		do:    func(ctx context.Context, s subject) error { return s.faulty.EndAnySession(ctx, s.tokens.SessionID) },
		again: []string{"session_not_found"},
		done:  func(ctx context.Context, s subject) error { return s.living(ctx, false) },
	}, {
		name:  "revoke an account's tokens",
		begin: administered,
		do: func(ctx context.Context, s subject) error {
			_, err := s.faulty.Revoke(ctx, api.Revoke{Target: api.Target{Account: s.id}, IdempotencyKey: s.id}, 0)
			return err
		},
		done: func(ctx context.Context, s subject) error { return s.living(ctx, false) },
	}, {
		name:  "create client",
		begin: func(t *testing.T, a *apptest.App, user string) subject { return administered(t, a, user) },
		do: func(ctx context.Context, s subject) error {
			_, err := s.faulty.CreateClient(ctx, service(s.user))
			return err
		},
		again: []string{"client_taken", "client_id_taken"},
		// It only looks for audiences to warn of. The client exists, and its
		// secret is in this answer alone.
		optional: 2,
		done: func(ctx context.Context, s subject) error {
			_, err := s.Admin().RegisteredClient(ctx, s.user)
			return err
		},
	}, {
		name:  "create webhook",
		begin: administeredClient,
		do: func(ctx context.Context, s subject) error {
			_, err := s.faulty.CreateWebhook(ctx, hook(s.user))
			return err
		},
		done: func(ctx context.Context, s subject) error {
			list, err := s.Admin().Webhooks(ctx)
			for _, w := range list.Webhooks {
				if w.ClientID == s.user {
					return nil
				}
			}
			return errors.Join(err, errors.New("no webhook"))
		},
	}, {
		name:  "disable webhook",
		begin: subscribed,
		do:    func(ctx context.Context, s subject) error { return s.faulty.DisableWebhook(ctx, s.other) },
		done: func(ctx context.Context, s subject) error {
			w, err := s.Admin().Webhook(ctx, s.other)
			if err == nil && w.DisabledAt == nil {
				return errors.New("still enabled")
			}
			return err
		},
	}, {
		name:  "delete webhook",
		begin: subscribed,
		do:    func(ctx context.Context, s subject) error { return s.faulty.DeleteWebhook(ctx, s.other) },
		again: []string{"webhook_not_found"},
		done: func(ctx context.Context, s subject) error {
			if _, err := s.Admin().Webhook(ctx, s.other); client.Code(err) != "webhook_not_found" {
				return fmt.Errorf("still there: %v", err)
			}
			return nil
		},
	}}
}

func clientFlows() []flow {
	signsIn := func(ctx context.Context, s subject, secret string, want bool) error {
		_, err := s.AsClient(s.user, secret).Token(ctx, api.TokenRequest{GrantType: "client_credentials"})
		if (err == nil) != want {
			return fmt.Errorf("token for %s: %v", s.user, err)
		}
		return nil
	}
	return []flow{{
		name:  "client credentials",
		begin: registered,
		do: func(ctx context.Context, s subject) error {
			_, err := s.faulty.Token(ctx, api.TokenRequest{GrantType: "client_credentials"})
			return err
		},
		done: func(ctx context.Context, s subject) error { return signsIn(ctx, s, s.other, true) },
	}, {
		name:  "revoke a token",
		begin: granted,
		do:    func(ctx context.Context, s subject) error { return s.faulty.RevokeToken(ctx, s.other) },
		done: func(ctx context.Context, s subject) error {
			found, err := s.AsClient(s.user, s.tokens.RefreshToken).Introspect(ctx, s.other)
			if err == nil && found.Active {
				return errors.New("still active")
			}
			return err
		},
	}, {
		name:  "introspect a token",
		begin: granted,
		do: func(ctx context.Context, s subject) error {
			found, err := s.faulty.Introspect(ctx, s.other)
			if err == nil && !found.Active {
				return errors.New("said to be inactive")
			}
			return err
		},
		done: func(ctx context.Context, s subject) error { return nil },
	}, {
		name:  "rotate a client's secret",
		begin: administeredClient,
		do: func(ctx context.Context, s subject) error {
			made, err := s.faulty.RotateClientSecret(ctx, s.user)
			if err != nil {
				return err
			}
			return signsIn(ctx, s, made.ClientSecret, true)
		},
		done: func(context.Context, subject) error { return nil },
	}, {
		name:  "disable client",
		begin: administeredClient,
		do:    func(ctx context.Context, s subject) error { return s.faulty.DisableClient(ctx, s.user) },
		done:  func(ctx context.Context, s subject) error { return signsIn(ctx, s, s.other, false) },
	}, {
		name: "enable client",
		begin: func(t *testing.T, a *apptest.App, user string) subject {
			s := administeredClient(t, a, user)
			if err := a.Admin().DisableClient(t.Context(), user); err != nil {
				t.Fatal(err)
			}
			return s
		},
		do:   func(ctx context.Context, s subject) error { return s.faulty.EnableClient(ctx, s.user) },
		done: func(ctx context.Context, s subject) error { return signsIn(ctx, s, s.other, true) },
	}, {
		name:  "delete client",
		begin: administeredClient,
		do:    func(ctx context.Context, s subject) error { return s.faulty.DeleteClient(ctx, s.user) },
		again: []string{"client_not_found"},
		done:  func(ctx context.Context, s subject) error { return signsIn(ctx, s, s.other, false) },
	}}
}

// throughAnApp prepares an app with a secret, and somebody who is signed in through it.
func throughAnApp(t *testing.T, a *apptest.App, user string) subject {
	in := service("app-" + user)
	in.Kind, in.Audiences, in.Scopes = "app", nil, nil
	made, err := a.Admin().CreateClient(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	s := subject{App: a, user: user, other: made.ClientSecret, faulty: a.Faulty().AsClient(in.ID, made.ClientSecret)}
	if _, err := a.Client.SignUp(t.Context(), s.credentials()); err != nil {
		t.Fatal(err)
	}
	if s.tokens, err = a.AsClient(in.ID, made.ClientSecret).Login(t.Context(), s.credentials()); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s subject) app() *client.Client { return s.AsClient("app-"+s.user, s.other) }

func webhookFlows() []flow {
	return []flow{{
		name: "enable webhook",
		begin: func(t *testing.T, a *apptest.App, user string) subject {
			s := subscribed(t, a, user)
			if err := a.Admin().DisableWebhook(t.Context(), s.other); err != nil {
				t.Fatal(err)
			}
			return s
		},
		do: func(ctx context.Context, s subject) error { return s.faulty.EnableWebhook(ctx, s.other) },
		done: func(ctx context.Context, s subject) error {
			w, err := s.Admin().Webhook(ctx, s.other)
			if err == nil && w.DisabledAt != nil {
				return errors.New("still disabled")
			}
			return err
		},
	}, {
		name:  "rotate a webhook's secret",
		begin: subscribed,
		do: func(ctx context.Context, s subject) error {
			_, err := s.faulty.RotateWebhookSecret(ctx, s.other)
			if client.Code(err) == "webhook_format" {
				return nil // this one is polled
			}
			return err
		},
		done: func(context.Context, subject) error { return nil },
	}, {
		name:  "poll events",
		begin: polling,
		do: func(ctx context.Context, s subject) error {
			got, err := s.faulty.PollEvents(ctx, api.EventPoll{ID: s.other, ReturnImmediately: true})
			if err == nil && len(got.Sets) == 0 {
				return errors.New("no events")
			}
			return err
		},
		done: func(context.Context, subject) error { return nil },
	}}
}

// polling prepares a service that polls events, of which there are some.
func polling(t *testing.T, a *apptest.App, user string) subject {
	in := service(user)
	in.Scopes = []string{"events:read"}
	made, err := a.Admin().CreateClient(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := a.Admin().CreateWebhook(t.Context(), hook(user))
	if err != nil {
		t.Fatal(err)
	}
	a.SignUp("somebody-" + user)
	return subject{App: a, user: user, other: sub.ID, faulty: a.Faulty().AsClient(user, made.ClientSecret)}
}

// following prepares a service that follows revocations, of which there is one.
func following(t *testing.T, a *apptest.App, user string) subject {
	in := service(user)
	in.Scopes = []string{"revocation:read"}
	made, err := a.Admin().CreateClient(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Admin().Revoke(t.Context(), api.Revoke{Target: api.Target{Token: user}}, 0); err != nil {
		t.Fatal(err)
	}
	return subject{App: a, user: user, faulty: a.Faulty().AsClient(user, made.ClientSecret)}
}

func feedFlows() []flow {
	nothing := func(context.Context, subject) error { return nil }
	return []flow{{
		name:  "poll the revocation feed",
		begin: following,
		do: func(ctx context.Context, s subject) error {
			got, err := s.faulty.Poll(ctx, api.Poll{})
			if err == nil && len(got.Frames) == 0 {
				return errors.New("no frames")
			}
			return err
		},
		done: nothing,
	}, {
		name:  "acknowledge",
		begin: following,
		do: func(ctx context.Context, s subject) error {
			return s.faulty.Ack(ctx, api.Ack{Verifier: s.user, Staleness: 10_000, WhenStale: "refuse"})
		},
		done: nothing,
	}, {
		name:  "begin an epoch",
		begin: administered,
		do: func(ctx context.Context, s subject) error {
			_, err := s.faulty.NewEpoch(ctx)
			return err
		},
		done: nothing,
	}}
}

// readFlows must not take a failed read for "there is nothing".
func readFlows() []flow {
	nothing := func(context.Context, subject) error { return nil }
	some := func(n int, err error) error {
		if err == nil && n == 0 {
			return errors.New("the answer is empty")
		}
		return err
	}
	reads := map[string]func(context.Context, subject) error{
		"list accounts": func(ctx context.Context, s subject) error {
			got, err := s.faulty.Accounts(ctx, api.AccountPage{})
			return some(len(got.Accounts), err)
		},
		"show account": func(ctx context.Context, s subject) error {
			got, err := s.faulty.Account(ctx, s.id)
			return some(len(got.ID), err)
		},
		"list sessions": func(ctx context.Context, s subject) error {
			got, err := s.faulty.AllSessions(ctx, api.SessionPage{})
			return some(len(got.Sessions), err)
		},
		"show session": func(ctx context.Context, s subject) error {
			got, err := s.faulty.Session(ctx, s.tokens.SessionID)
			return some(len(got.ID), err)
		},
		"list events": func(ctx context.Context, s subject) error {
			got, err := s.faulty.Events(ctx, api.EventPage{})
			return some(len(got.Events), err)
		},
	}
	var all []flow
	for name, do := range reads {
		all = append(all, flow{name: name, begin: administered, do: do, done: nothing})
	}
	ofClients := map[string]func(context.Context, subject) error{
		"list clients": func(ctx context.Context, s subject) error {
			got, err := s.faulty.Clients(ctx, api.Page{})
			return some(len(got.Clients), err)
		},
		"show client": func(ctx context.Context, s subject) error {
			got, err := s.faulty.RegisteredClient(ctx, s.user)
			return some(len(got.ID), err)
		},
		"list webhooks": func(ctx context.Context, s subject) error {
			got, err := s.faulty.Webhooks(ctx)
			return some(len(got.Webhooks), err)
		},
		"show webhook": func(ctx context.Context, s subject) error {
			got, err := s.faulty.Webhook(ctx, s.other)
			return some(len(got.ID), err)
		},
	}
	for name, do := range ofClients {
		all = append(all, flow{name: name, begin: subscribed, do: do, done: nothing})
	}
	return append(all, flow{
		name:  "introspect a refresh token",
		begin: throughAnApp,
		do: func(ctx context.Context, s subject) error {
			got, err := s.faulty.Introspect(ctx, s.tokens.RefreshToken)
			if err == nil && !got.Active {
				return errors.New("said to be inactive")
			}
			return err
		},
		done: nothing,
	}, flow{
		name:  "refresh at the token endpoint",
		begin: throughAnApp,
		do: func(ctx context.Context, s subject) error {
			_, err := s.faulty.Token(ctx, api.TokenRequest{GrantType: "refresh_token", RefreshToken: s.tokens.RefreshToken})
			return err
		},
		done: func(ctx context.Context, s subject) error {
			got, err := s.app().Token(ctx, api.TokenRequest{GrantType: "refresh_token", RefreshToken: s.tokens.RefreshToken})
			if err != nil {
				return err
			}
			_, err = s.app().Token(ctx, api.TokenRequest{GrantType: "refresh_token", RefreshToken: got.RefreshToken})
			return err
		},
	}, flow{
		name:  "revoke a refresh token",
		begin: throughAnApp,
		do:    func(ctx context.Context, s subject) error { return s.faulty.RevokeToken(ctx, s.tokens.RefreshToken) },
		done: func(ctx context.Context, s subject) error {
			if _, err := s.app().Token(ctx, api.TokenRequest{GrantType: "refresh_token", RefreshToken: s.tokens.RefreshToken}); err == nil {
				return errors.New("still good")
			}
			return nil
		},
	})
}

// TestAFailedReadOfTheKeysForgetsNone: upkeep that cannot read the keys keeps
// those that it knows.
func TestAFailedReadOfTheKeysForgetsNone(t *testing.T) {
	a := apptest.Start(t)
	_, tokens := a.SignUp("ana@example.com")
	before := publishedKeys(t, a)
	for n := 1; ; n++ {
		a.Faults.Fail(n, false)
		a.MaintainKeys()
		if !a.Faults.Hit() {
			if n == 1 {
				t.Fatal("upkeep reads nothing")
			}
			return
		}
		if after := publishedKeys(t, a); after != before {
			t.Errorf("step %d failed: keys were %s, are %s", n, before, after)
		}
		if _, err := a.As(tokens).Me(t.Context()); err != nil {
			t.Errorf("step %d failed: %v", n, err)
		}
		if !strings.Contains(a.Log.String(), "maintain signing keys") {
			t.Errorf("step %d failed, and nothing was logged", n)
		}
		a.Clock.Move(time.Second)
	}
}

func publishedKeys(t *testing.T, a *apptest.App) string {
	t.Helper()
	resp, err := http.Get(a.URL + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	return string(body)
}

// TestEveryFailedStepStopsAStart fails each step of a start that has to disable
// a client which left the settings: it is disabled by this start, or the start
// fails and the next one disables it.
func TestEveryFailedStepStopsAStart(t *testing.T) {
	for n := 1; ; n++ {
		c := settings(t, "")
		listed := c
		listed.Clients = []clients.Described{{Client: clients.Client{ID: "orders", Name: "Orders", Kind: clients.Service, Audiences: []string{"orders"}}, Secret: "a-secret-of-more-than-thirty-two-characters"}}
		works(t, listed)
		var faults apptest.Faults
		faults.Fail(n, false)
		a, err := app.Open(apptest.Exposed(t.Context()), app.Env{Config: c, Issuer: issuer, Log: slog.New(slog.DiscardHandler), Now: time.Now,
			Around: func(ctx context.Context, step func() error) error { return faults.Around(ctx, step) }})
		if err == nil {
			err = a.Close()
		}
		if !faults.Hit() {
			if err != nil || n == 1 {
				t.Fatalf("without a fault: %v after %d steps", err, n-1)
			}
			return
		}
		if err != nil { // otherwise the step was one that only warns
			works(t, c)
		}
		store, err := sqlstore.Open(t.Context(), c.Database.Reveal(), sqlstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		found, err := store.Client(t.Context(), "orders")
		if err != nil || !found.Disabled() {
			t.Errorf("step %d failed, and the client is still enabled: %+v, %v", n, found, err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}
