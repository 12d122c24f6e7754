package follow

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/feed"
	"github.com/portaria/portaria/internal/jose"
)

const (
	maxDownstream = 4096
	// forgetAfter is how long a verifier downstream is counted on after it was last
	// heard, as the issuer does.
	forgetAfter = 10 * time.Minute
	// ackBatch bounds the verifiers downstream in one ack, and ackBytes their encoded
	// size: the issuer rejects a body of more than [api.MaxBody].
	ackBatch = api.MaxFollowers
	ackBytes = 40 << 10
	joinFor  = 5 * time.Second
	// restAfterRefusal is how long a lease that the issuer does not allow is
	// refused without asking again: to ask costs a stream.
	restAfterRefusal = time.Minute
)

var errTooMany = errors.New("too many verifiers follow this one")

// downstream tracks the verifiers that follow this verifier instead of the issuer.
// The issuer learns about them and the longest of their leases, so receipts count on
// both.
type downstream struct {
	*Follower

	mu       sync.Mutex
	known    map[string]*verifier
	greatest time.Duration // of the leases that the issuer is to count on; it never shrinks, because an older statement may arrive later
	stated   time.Duration // the lease that the issuer did count on when it last spoke
	refused  time.Duration // the least lease that it does not allow, until rest
	rest     time.Time
	cut      context.CancelCauseFunc // ends the stream, to state a longer lease
	moved    chan struct{}           // closed when stated or refused changes

	relay    relay
	draining chan struct{} // closed by Drain
	drain    sync.Once
}

// verifier is one of them.
type verifier struct {
	ack  api.FollowerAck
	seen time.Time
	sent bool // the issuer has this ack
}

func (d *downstream) wake() {
	if d.moved != nil {
		close(d.moved)
	}
	d.moved = make(chan struct{})
}

// lease returns for how long this verifier, or any downstream, trusts what the
// issuer says.
func (d *downstream) lease() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return max(d.config.Staleness, d.greatest)
}

// join lets a verifier follow once the issuer counts on its lease. Most leases are
// no longer than what the issuer counts on anyway. A longer one is
// sent to the issuer first, and nothing that the issuer sent before is passed on.
func (d *downstream) join(ctx context.Context, who api.FollowerAck) error {
	ctx, cancel := context.WithTimeout(ctx, joinFor)
	defer cancel()
	lease := time.Duration(who.Staleness) * time.Millisecond
	for {
		done, moved, err := d.tryJoin(who, lease)
		if done {
			return err
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("state a longer lease to the issuer: %w", ctx.Err())
		case <-d.ctx.Done():
			return d.ctx.Err()
		}
	}
}

// tryJoin is one attempt. Not done means to try again when moved is closed.
func (d *downstream) tryJoin(who api.FollowerAck, lease time.Duration) (done bool, moved <-chan struct{}, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.config.Now()
	if now.Before(d.rest) && lease >= d.refused {
		return true, nil, feed.ErrLease
	}
	if lease <= d.countedOn() {
		d.acknowledgeSoon()
		return true, nil, d.note(who, now)
	}
	if lease > d.greatest {
		d.greatest = lease
		if d.cut != nil {
			d.cut(errLonger)
		}
	}
	if d.moved == nil {
		d.wake()
	}
	return false, d.moved, nil
}

// countedOn returns the lease that every receipt counts on. The lock is held.
func (d *downstream) countedOn() time.Duration {
	return max(DefaultStaleness, d.config.Staleness, min(d.stated, d.greatest))
}

// note takes note of a verifier; it acknowledges later. The lock is held.
func (d *downstream) note(who api.FollowerAck, now time.Time) error {
	if who.Verifier == "" {
		return nil
	}
	v, known := d.known[who.Verifier]
	switch {
	case known:
		who.Seq, who.KeySet, who.Audience = max(who.Seq, v.ack.Seq), v.ack.KeySet, v.ack.Audience
	case len(d.known) >= maxDownstream:
		return errTooMany
	case d.known == nil:
		d.known = map[string]*verifier{}
	}
	d.known[who.Verifier] = &verifier{ack: who, seen: now}
	return nil
}

// stays keeps a verifier from being forgotten, and reports whether it may go on.
func (d *downstream) stays(who api.FollowerAck) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if v := d.known[who.Verifier]; v != nil {
		v.seen = d.config.Now()
	}
	return time.Duration(who.Staleness)*time.Millisecond <= d.countedOn()
}

// acked takes the ack of a verifier and of those downstream of it.
func (d *downstream) acked(in api.Ack) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := append([]api.FollowerAck{{Verifier: in.Verifier, Seq: in.Seq, Staleness: in.Staleness, WhenStale: in.WhenStale,
		KeySet: in.KeySet, Audience: in.Audience}}, in.Followers...)
	for i := range list {
		if time.Duration(list[i].Staleness)*time.Millisecond > d.countedOn() {
			return feed.ErrLease
		}
		if i > 0 {
			list[i].Verifier = nested(in.Verifier, list[i].Verifier)
		}
	}
	for _, who := range list {
		if _, known := d.known[who.Verifier]; !known {
			if err := d.note(who, d.config.Now()); err != nil {
				return err
			}
		}
		*d.known[who.Verifier] = verifier{ack: who, seen: d.config.Now()}
	}
	d.acknowledgeSoon()
	return nil
}

// nested is the name of a verifier that follows a relay which follows this one.
func nested(relay, name string) string {
	if whole := relay + "/" + name; len(whole) <= api.MaxVerifierName {
		return whole
	}
	sum := sha256.Sum256([]byte(relay + "/" + name))
	return jose.Encode(sum[:])
}

// heard notes that the issuer spoke, and the lease that it counts on.
func (d *downstream) heard(stated time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stated != stated {
		d.stated = stated
		d.wake()
	}
}

// notAllowed notes that the issuer refused a lease. If it was that of a verifier
// downstream, this verifier goes on without it.
func (d *downstream) notAllowed(stated time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if stated <= d.config.Staleness {
		return
	}
	d.refused, d.rest = stated, d.config.Now().Add(restAfterRefusal)
	d.greatest, d.stated = 0, 0
	d.wake()
}

// unsent returns the acks that the issuer does not have, in parts. With all it
// adds the verifiers that were heard lately, to say that they are there.
func (d *downstream) unsent(all bool) (parts [][]api.FollowerAck) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, size := d.config.Now(), ackBytes
	for name, v := range d.known {
		lease := time.Duration(v.ack.Staleness) * time.Millisecond
		if now.Sub(v.seen) > max(forgetAfter, 10*lease) {
			delete(d.known, name)
			continue
		}
		if v.sent && (!all || now.Sub(v.seen) > ackInterval+2*time.Second) {
			continue
		}
		v.sent = true
		encoded, err := json.Marshal(v.ack) // some characters take six bytes
		if err != nil {
			continue // a struct of numbers and texts
		}
		size += len(encoded) + len(",")
		if size > ackBytes || len(parts[len(parts)-1]) == ackBatch {
			parts, size = append(parts, nil), 0
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], v.ack)
	}
	return parts
}

// resend notes that acks did not arrive.
func (d *downstream) resend(part []api.FollowerAck) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, ack := range part {
		if v := d.known[ack.Verifier]; v != nil {
			v.sent = false
		}
	}
}

// streaming notes how the live stream is ended, nil for none.
func (d *downstream) streaming(cut context.CancelCauseFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut = cut
}
