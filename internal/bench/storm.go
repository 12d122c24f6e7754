package main

import (
	"errors"
	"fmt"
	"time"
)

// checkers is how many clients check tokens while others log in.
const checkers = 16

const stormName = "token checks"

// storm compares token checks alone with those during 64 concurrent logins.
func (b *bench) storm(s *service, people []person) error {
	checks := acts(people, checkers, checkToken)
	// Quiet before and after: the machine may be busy with other things.
	before, beforeErr := measure(s, b.length, checks)
	stormy, logins, err := s.endure(2*b.length, checks, acts(people, most, logIn))
	after, afterErr := measure(s, b.length, checks)
	if err := errors.Join(beforeErr, err, afterErr); err != nil {
		return fmt.Errorf("%s: %w", stormName, err)
	}
	row(b.out, stormName+", quiet before", checkers, before, target{})
	row(b.out, stormName+", in the storm", checkers, stormy, target{})
	row(b.out, stormName+", quiet after", checkers, after, target{})
	ratio := stormy.rate() / ((before.rate() + after.rate()) / 2)
	line(b.out, "token checks in a storm of 64 logins",
		fmt.Sprintf("%.0f %% of the quiet rate; %.1f logins/s, %d told to wait", 100*ratio, logins.rate(), logins.refused),
		atLeast("of the quiet rate", "%.2f", ratio, 0.8))
	return nil
}

// endure measures token checks and logins at the same time.
func (s *service) endure(length time.Duration, checks, logins []act) (checked, loggedIn sample, err error) {
	checking, err := start(s.address, checks)
	if err != nil {
		return sample{}, sample{}, err
	}
	storm, err := start(s.address, logins)
	if err != nil {
		return sample{}, sample{}, errors.Join(err, checking.stop())
	}
	time.Sleep(length / 5)
	checked, err = s.window(length, checking, storm)
	if err := errors.Join(err, checking.stop(), storm.stop()); err != nil {
		return sample{}, sample{}, err
	}
	loggedIn = checked
	checked.collect(checking)
	loggedIn.collect(storm)
	return checked, loggedIn, nil
}
