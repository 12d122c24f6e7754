package view

// IssuerClock returns how far an issuer's clock has moved on at most, in
// milliseconds, when the clocks of this machine have.
func IssuerClock(mono, wall int64) int64 {
	var c issuerClock
	const ahead = 1000
	c.prove(Moment{mono: 500, wall: 700_000}, 500, 700_000+ahead)
	latest, _ := c.latest(Moment{mono: 500 + mono, wall: 700_000 + wall})
	return latest - 700_000 - ahead
}

// Plausible reports why a log cannot have come from one position to another.
func Plausible(from, to int64) error { return plausible(from, to) }
