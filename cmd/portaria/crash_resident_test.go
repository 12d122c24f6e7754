package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
)

// errUnanswered says that nobody knows whether a call was done.
var errUnanswered = errors.New("no answer")

// Most accounts and sessions that a resident keeps an eye on.
const (
	mostHomes    = 8
	mostSessions = 4
)

// resident is one person with several accounts, who does one thing at a time
// and remembers what the service acknowledged. Nobody else uses the accounts,
// so the memory is exact, but for the one call that a crash cut off.
type resident struct {
	name  string
	http  *http.Client
	homes []*home
	made  int
	tally tally
}

// home is one account as its owner remembers it.
type home struct {
	identifier string
	password   string
	sessions   []*login
	// signUp says that the sign-up was not answered.
	signUp bool
	// changing is the new password of a change that was not answered, by the
	// session that keeps.
	changing string
	keeps    *login
}

// login is one session as its owner remembers it.
type login struct {
	tokens api.Tokens
	// refreshing and leaving say that a refresh or a logout was not answered.
	refreshing, leaving bool
	// ended says that its end was acknowledged.
	ended bool
}

func newResident(name string) *resident { return &resident{name: name, tally: tally{}} }

// tally counts what was acknowledged, and by "lost …" what was not.
type tally map[string]int

func (c tally) add(other tally) {
	for what, n := range other {
		c[what] += n
	}
}

// call counts one call and tells an answer from its absence. Codes are
// refusals that count as an answer.
func (r *resident) call(what string, err error) error {
	var answer *api.Problem
	switch {
	case err == nil:
		r.tally[what]++
		return nil
	case errors.As(err, &answer):
		return fmt.Errorf("%s: %w", what, err)
	}
	r.tally["lost "+what]++
	return fmt.Errorf("%s: %w: %w", what, errUnanswered, err)
}

func (r *resident) at(url string) *client.Client { return client.New(url, r.http) }

// act does one thing, chosen at random.
func (r *resident) act(ctx context.Context, url string) error {
	c := r.at(url)
	if len(r.homes) == 0 || rand.IntN(12) == 0 {
		return r.signUp(ctx, c)
	}
	h := r.homes[rand.IntN(len(r.homes))]
	alive := h.alive()
	if len(alive) == 0 {
		return r.signIn(ctx, c, h)
	}
	l := alive[rand.IntN(len(alive))]
	switch dice := rand.IntN(12); {
	case dice < 2 && len(h.sessions) < mostSessions:
		return r.signIn(ctx, c, h)
	case dice < 3:
		return r.changePassword(ctx, c, h, l)
	case dice < 5:
		return r.logOut(ctx, c, l)
	}
	return r.refresh(ctx, c, l)
}

func (h *home) alive() []*login {
	return slices.DeleteFunc(slices.Clone(h.sessions), func(l *login) bool { return l.ended })
}

func (h *home) credentials(password string) api.Credentials {
	return api.Credentials{Identifier: h.identifier, Password: api.Password(password)}
}

func (r *resident) newPassword() string {
	r.made++
	return fmt.Sprintf("correct horse %s %d", r.name, r.made)
}

func (r *resident) signUp(ctx context.Context, c *client.Client) error {
	if len(r.homes) == mostHomes {
		r.homes = slices.Delete(r.homes, 0, 1)
	}
	h := &home{password: r.newPassword(), signUp: true}
	h.identifier = fmt.Sprintf("%s-%d", r.name, r.made)
	r.homes = append(r.homes, h)
	_, err := c.SignUp(ctx, h.credentials(h.password))
	if err := r.call("sign-ups", err); err != nil {
		return err
	}
	h.signUp = false
	return nil
}

// signIn remembers only a session that it learned of: one whose answer was
// lost harms nobody.
func (r *resident) signIn(ctx context.Context, c *client.Client, h *home) error {
	tokens, err := c.Login(ctx, h.credentials(h.password))
	if err := r.call("logins", err); err != nil {
		return err
	}
	if len(h.sessions) == mostSessions {
		i := slices.IndexFunc(h.sessions, func(l *login) bool { return l.ended })
		h.sessions = slices.Delete(h.sessions, i, i+1)
	}
	h.sessions = append(h.sessions, &login{tokens: tokens})
	return nil
}

func (r *resident) refresh(ctx context.Context, c *client.Client, l *login) error {
	l.refreshing = true
	tokens, err := c.Refresh(ctx, l.tokens.RefreshToken)
	if err := r.call("refreshes", err); err != nil {
		return err
	}
	l.tokens, l.refreshing = tokens, false
	return nil
}

func (r *resident) logOut(ctx context.Context, c *client.Client, l *login) error {
	l.leaving = true
	if err := r.call("logouts", c.WithToken(l.tokens.AccessToken).Logout(ctx)); err != nil {
		return err
	}
	l.leaving, l.ended = false, true
	return nil
}

func (r *resident) changePassword(ctx context.Context, c *client.Client, h *home, by *login) error {
	h.changing, h.keeps = r.newPassword(), by
	in := api.PasswordChange{CurrentPassword: api.Password(h.password), NewPassword: api.Password(h.changing)}
	if err := r.call("password changes", c.WithToken(by.tokens.AccessToken).ChangePassword(ctx, in)); err != nil {
		return err
	}
	h.changed()
	return nil
}

// changed is what a change of password means: the old one is void, and all
// sessions but one have ended.
func (h *home) changed() {
	h.password = h.changing
	for _, l := range h.sessions {
		l.ended = l.ended || l != h.keeps
	}
	h.changing, h.keeps = "", nil
}

// String lists the counts.
func (c tally) String() string {
	var out []string
	for _, what := range []string{"sign-ups", "logins", "refreshes", "password changes", "logouts"} {
		out = append(out, fmt.Sprintf("%d %s (%d cut off)", c[what], what, c["lost "+what]))
	}
	return "acknowledged " + strings.Join(out, ", ") + fmt.Sprintf("; %d facts checked", c["facts"])
}
