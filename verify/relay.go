package verify

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/feed"
	"github.com/portaria/portaria/internal/jose"
)

const (
	maxBehind = 4096
	// forgetBehind is how long one who follows is reckoned with after it was
	// last heard of, as the issuer does.
	forgetBehind = 10 * time.Minute
	// ackBatch bounds the followers of one ack, and ackBytes what they take.
	ackBatch = 256
	ackBytes = 40 << 10
	joinFor  = 5 * time.Second
	// restAfterRefusal is how long a lease that the issuer does not allow is
	// refused without asking again: to ask costs a stream.
	restAfterRefusal = time.Minute
)

// behind are those who follow this verifier instead of the issuer. Receipts
// count on them, and on the longest of their leases, because the issuer is told.
type behind struct {
	mu       sync.Mutex
	known    map[string]*downstream
	greatest time.Duration // of the leases that the issuer is to count on; it never shrinks, because what was said last may arrive first
	stated   time.Duration // the one that it did count on when it last spoke
	refused  time.Duration // the least that it does not allow, until rest
	rest     time.Time
	cut      context.CancelCauseFunc // ends the stream, to say more
	moved    chan struct{}           // closed when stated or refused changes
}

type downstream struct {
	ack  api.FollowerAck
	seen time.Time
	told bool
}

func (b *behind) wake() {
	if b.moved != nil {
		close(b.moved)
	}
	b.moved = make(chan struct{})
}

// lease is for how long this verifier, or any that follows it, trusts what the
// issuer says.
func (f *follower) lease() time.Duration {
	f.behind.mu.Lock()
	defer f.behind.mu.Unlock()
	return max(f.config.Staleness, f.behind.greatest)
}

// join lets somebody follow when the issuer counts on his lease. That of most
// is no longer than what it counts on anyway; for others it is told first, and
// what it said before that is not handed on.
func (f *follower) join(ctx context.Context, who api.FollowerAck) error {
	ctx, cancel := context.WithTimeout(ctx, joinFor)
	defer cancel()
	b, lease := &f.behind, time.Duration(who.Staleness)*time.Millisecond
	for {
		b.mu.Lock()
		now := f.v.now()
		if now.Before(b.rest) && lease >= b.refused {
			b.mu.Unlock()
			return feed.ErrLease
		}
		if lease <= f.countedOn() {
			err := b.note(who, now)
			b.mu.Unlock()
			f.tell()
			return err
		}
		if lease > b.greatest {
			b.greatest = lease
			if b.cut != nil {
				b.cut(errLonger)
			}
		}
		if b.moved == nil {
			b.wake()
		}
		moved := b.moved
		b.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("tell the issuer of a longer lease: %w", ctx.Err())
		case <-f.ctx.Done():
			return f.ctx.Err()
		}
	}
}

// countedOn is the lease that every receipt counts on. The lock is held.
func (f *follower) countedOn() time.Duration {
	return max(defaultStale, f.config.Staleness, min(f.behind.stated, f.behind.greatest))
}

// note takes note of one who follows; what he says himself comes later. The
// lock is held.
func (b *behind) note(who api.FollowerAck, now time.Time) error {
	if who.Verifier == "" {
		return nil
	}
	d, known := b.known[who.Verifier]
	switch {
	case known:
		who.Seq, who.KeySet, who.Audience = max(who.Seq, d.ack.Seq), d.ack.KeySet, d.ack.Audience
	case len(b.known) >= maxBehind:
		return errTooMany
	case b.known == nil:
		b.known = map[string]*downstream{}
	}
	b.known[who.Verifier] = &downstream{ack: who, seen: now}
	return nil
}

// stays keeps one in mind who follows, and tells whether he may go on.
func (f *follower) stays(who api.FollowerAck) bool {
	b := &f.behind
	b.mu.Lock()
	defer b.mu.Unlock()
	if d := b.known[who.Verifier]; d != nil {
		d.seen = f.v.now()
	}
	return time.Duration(who.Staleness)*time.Millisecond <= f.countedOn()
}

// acked takes what one who follows says, and those who follow him.
func (f *follower) acked(in api.Ack) error {
	b := &f.behind
	b.mu.Lock()
	defer b.mu.Unlock()
	list := append([]api.FollowerAck{{Verifier: in.Verifier, Seq: in.Seq, Staleness: in.Staleness, WhenStale: in.WhenStale,
		KeySet: in.KeySet, Audience: in.Audience}}, in.Followers...)
	for i := range list {
		if time.Duration(list[i].Staleness)*time.Millisecond > f.countedOn() {
			return feed.ErrLease
		}
		if i > 0 {
			list[i].Verifier = nested(in.Verifier, list[i].Verifier)
		}
	}
	for _, who := range list {
		if _, known := b.known[who.Verifier]; !known {
			if err := b.note(who, f.v.now()); err != nil {
				return err
			}
		}
		*b.known[who.Verifier] = downstream{ack: who, seen: f.v.now()}
	}
	f.tell()
	return nil
}

// nested is the name of one who follows a relay that follows this verifier.
func nested(relay, name string) string {
	if whole := relay + "/" + name; len(whole) <= feed.MaxName {
		return whole
	}
	sum := sha256.Sum256([]byte(relay + "/" + name))
	return jose.Encode(sum[:])
}

// heard notes that the issuer spoke, and which lease it counts on.
func (f *follower) heard(stated time.Duration) {
	b := &f.behind
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stated != stated {
		b.stated = stated
		b.wake()
	}
}

// notAllowed notes that the issuer refused a lease. If it was for the sake of
// others, this verifier goes on without them.
func (f *follower) notAllowed(stated time.Duration) {
	b := &f.behind
	b.mu.Lock()
	defer b.mu.Unlock()
	if stated <= f.config.Staleness {
		return
	}
	b.refused, b.rest = stated, f.v.now().Add(restAfterRefusal)
	b.greatest, b.stated = 0, 0
	b.wake()
}

// untold are those of whom there is news, in parts; all, when the time has come
// to say that they are there.
func (f *follower) untold(all bool) (parts [][]api.FollowerAck) {
	b := &f.behind
	b.mu.Lock()
	defer b.mu.Unlock()
	now, size := f.v.now(), ackBytes
	for name, d := range b.known {
		lease := time.Duration(d.ack.Staleness) * time.Millisecond
		if now.Sub(d.seen) > max(forgetBehind, 10*lease) {
			delete(b.known, name)
			continue
		}
		if d.told && (!all || now.Sub(d.seen) > ackInterval+2*time.Second) {
			continue
		}
		d.told = true
		size += len(name) + len(d.ack.KeySet) + len(d.ack.Audience) + 128
		if size > ackBytes || len(parts[len(parts)-1]) == ackBatch {
			parts, size = append(parts, nil), 0
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], d.ack)
	}
	return parts
}

// retell makes news of what did not get through.
func (f *follower) retell(part []api.FollowerAck) {
	f.behind.mu.Lock()
	defer f.behind.mu.Unlock()
	for _, ack := range part {
		if d := f.behind.known[ack.Verifier]; d != nil {
			d.told = false
		}
	}
}

// streaming says how the stream is ended that lives, nil for none.
func (f *follower) streaming(cut context.CancelCauseFunc) {
	f.behind.mu.Lock()
	defer f.behind.mu.Unlock()
	f.behind.cut = cut
}

var (
	errLonger  = errors.New("one who follows has a longer lease")
	errTooMany = errors.New("too many follow this verifier")
)
