package feed

// Seats lets tests take the seats of feeds.
type Seats struct{ seats }

// Take takes one for a client.
func (p *Seats) Take(client string) (release func(), err error) { return p.take(client) }
