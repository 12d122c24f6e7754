package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/fleet"
	"github.com/portaria/portaria/internal/revoke/rule"
)

// openRevocation reads the rule log.
func (a *App) openRevocation(ctx context.Context) (err error) {
	if a.hub, err = revoke.Open(ctx, a.store, a.now); err != nil {
		return err
	}
	a.hub.ByAge(a.settled)
	a.fleet = fleet.New(a.store, a.config.RevocationMaxStaleness, a.now)
	return nil
}

// followRevocation starts to read the revocation log. From the first request on, this
// process rejects revoked tokens, and signs with no key that another process revoked.
func (a *App) followRevocation(ctx context.Context) {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stopRevocation = func() {
		stop()
		a.following.Wait()
	}
	unread := complaint{log: func(err error, times int) {
		a.log.Error("cannot read the revocation log", "error", err, "times", times)
	}}
	unrecorded := complaint{log: func(err error, times int) { a.log.Error("cannot record verifiers", "error", err, "times", times) }}
	keep := func(what string, f func(context.Context)) {
		a.following.Go(func() { a.panics.Keep(running, what, f) })
	}
	keep("revocation log", func(ctx context.Context) { a.hub.Run(ctx, unread.about) })
	keep("verifiers", func(ctx context.Context) { a.fleet.Run(ctx, unrecorded.about) })
	keep("revocation notices", func(ctx context.Context) {
		for range a.store.Notifications(ctx) {
			a.hub.Wake()
		}
	})
	keep("killed keys", func(ctx context.Context) { repeat(ctx, 0, a.followKills) })
	keep("shared clock", a.watchClock)
}

// complaint logs an error at once, and after that at most once a minute with the
// number of errors since: the log is read five times a second.
type complaint struct {
	log   func(err error, times int)
	last  time.Time
	times int
}

func (c *complaint) about(err error) {
	c.times++
	if now := time.Now(); now.Sub(c.last) >= time.Minute {
		times := c.times
		c.last, c.times = now, 0
		c.log(err, times)
	}
}

// pruneRevocation deletes rules whose tokens have all expired, and verifiers that are gone.
func (a *App) pruneRevocation(ctx context.Context) time.Duration {
	if _, err := a.store.PruneRules(ctx, a.settled()); err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "cannot delete expired revocation rules", "error", err)
	}
	if _, err := a.store.ForgetVerifiers(ctx, a.passed()); err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "cannot delete verifiers that are gone", "error", err)
	}
	return pruneRulesEvery
}

// pruneRulesEvery is short, so that the table holds little more than the live rules.
const pruneRulesEvery = 5 * time.Minute

// revocationReady returns an error if the revocation log was not read lately. This
// process must receive no requests.
func (a *App) revocationReady(context.Context) error {
	const blind = 5 * time.Second
	if age := time.Since(a.hub.AsOf()); age > blind {
		return fmt.Errorf("revocation log last read %v ago", age.Round(time.Second))
	}
	return nil
}

// followKills reloads the keys as soon as the log has a rule about a key: this process must
// not sign with a revoked key.
func (a *App) followKills(ctx context.Context) time.Duration {
	view, sub := a.hub.Subscribe()
	defer sub.Close()
	before, _ := rule.Split(view.Head)
	for {
		select {
		case <-ctx.Done():
			return 0
		case b, ok := <-sub.Batches():
			if !ok {
				if now, _ := rule.Split(a.hub.View().Head); now != before {
					a.log.WarnContext(ctx, "revocation log started a new epoch", "from", before, "to", now, "reason", a.hub.Raised())
				}
				return time.Second // a new epoch: subscribe again
			}
			if slices.ContainsFunc(b.Rules, func(r rule.Rule) bool { return r.Kind == rule.Key }) {
				a.MaintainKeys(ctx)
			}
		}
	}
}
