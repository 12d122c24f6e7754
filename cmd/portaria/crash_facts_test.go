package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
)

// check finds out what became of the one call that was cut off, which may be
// done or not done but nothing between, and that all else is as remembered.
func (r *resident) check(ctx context.Context, url string) error {
	c := r.at(url)
	for _, h := range r.homes {
		if err := r.checkHome(ctx, c, h); err != nil {
			return fmt.Errorf("%s: %w", h.identifier, err)
		}
	}
	return nil
}

func (r *resident) checkHome(ctx context.Context, c *client.Client, h *home) error {
	if err := r.settleSignUp(ctx, c, h); err != nil {
		return err
	}
	if err := r.settleChange(ctx, c, h); err != nil {
		return err
	}
	for i, l := range h.sessions {
		if err := r.checkSession(ctx, c, l); err != nil {
			return fmt.Errorf("session %d of %d: %w", i+1, len(h.sessions), err)
		}
	}
	_, err := c.Login(ctx, h.credentials(h.password))
	return r.fact("its password is good", err, "")
}

// fact compares an answer with what must be: an empty code means success.
func (r *resident) fact(what string, err error, code string) error {
	r.tally["facts"]++
	if code == "" && err == nil || code != "" && client.Code(err) == code {
		return nil
	}
	return fmt.Errorf("%s: got %w, want %q", what, orNone(err), code)
}

func orNone(err error) error {
	if err == nil {
		return errors.New("success")
	}
	return err
}

// settleSignUp signs up again where the answer was lost: that must work, or
// show that it had worked.
func (r *resident) settleSignUp(ctx context.Context, c *client.Client, h *home) error {
	if !h.signUp {
		return nil
	}
	h.signUp = false
	_, err := c.SignUp(ctx, h.credentials(h.password))
	if client.Code(err) == "identifier_taken" {
		err = nil
	}
	return r.fact("sign up again", err, "")
}

// settleChange finds out whether a change of password happened. Sessions tell
// the same story; checkSession will see.
func (r *resident) settleChange(ctx context.Context, c *client.Client, h *home) error {
	old := h.password
	if h.changing == "" {
		return nil
	}
	_, err := c.Login(ctx, h.credentials(h.changing))
	if err == nil {
		h.changed()
		_, err = c.Login(ctx, h.credentials(old))
		return r.fact("both passwords are good", err, "invalid_credentials")
	}
	if err := r.fact("the change was not done", err, "invalid_credentials"); err != nil {
		return err
	}
	h.changing, h.keeps = "", nil
	return nil
}

// checkSession refreshes: an ended session refuses, every other one goes on,
// with the token whose use was cut off, too.
func (r *resident) checkSession(ctx context.Context, c *client.Client, l *login) error {
	if l.ended {
		return r.checkEnded(ctx, c, l)
	}
	_, err := c.WithToken(l.tokens.AccessToken).Me(ctx)
	if l.leaving && client.Code(err) == "session_ended" {
		l.ended, l.leaving = true, false
		return r.checkEnded(ctx, c, l)
	}
	if err := r.fact("its access token is good", err, ""); err != nil {
		return err
	}
	next, err := r.refreshAgain(ctx, c, l.tokens.RefreshToken)
	if err != nil {
		return fmt.Errorf("refreshing was cut off: %t: %w", l.refreshing, err)
	}
	l.tokens, l.refreshing, l.leaving = next, false, false
	return nil
}

func (r *resident) checkEnded(ctx context.Context, c *client.Client, l *login) error {
	_, err := c.Refresh(ctx, l.tokens.RefreshToken)
	if err := r.fact("an ended session refreshes", err, "session_ended"); err != nil {
		return err
	}
	_, err = c.WithToken(l.tokens.AccessToken).Me(ctx)
	return r.fact("the access token of an ended session", err, "session_ended")
}

// refreshAgain asks twice, as after a lost answer, and wants one successor
// that works.
func (r *resident) refreshAgain(ctx context.Context, c *client.Client, token string) (api.Tokens, error) {
	first, err := c.Refresh(ctx, token)
	if err := r.fact("refresh", err, ""); err != nil {
		return api.Tokens{}, err
	}
	second, err := c.Refresh(ctx, token)
	if err := r.fact("refresh again", err, ""); err != nil {
		return api.Tokens{}, err
	}
	if first.RefreshToken != second.RefreshToken {
		return api.Tokens{}, errors.New("one token has two successors")
	}
	last, err := c.Refresh(ctx, second.RefreshToken)
	return last, r.fact("refresh with the successor", err, "")
}
