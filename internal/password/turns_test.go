package password_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/portaria/portaria/internal/password"
)

// from returns a context of a caller in a network.
func from(t *testing.T, address string, known bool) context.Context {
	return password.For(t.Context(), password.Caller{Network: password.NetworkOf(netip.MustParseAddr(address)), Known: known})
}

// inOrder has callers wait for one slot, and returns how they were served: their names
// in order, and those that were sent away.
type inOrder struct {
	*testing.T
	h            *password.Hasher
	served, sent []string
	under        chan func() // releases of those who have the slot
}

func (o *inOrder) enter(name string, ctx context.Context) {
	go func() {
		release, err := o.h.TakeAs(ctx)
		if err != nil {
			o.sent = append(o.sent, name)
			return
		}
		o.served = append(o.served, name)
		o.under <- release
	}()
	synctest.Wait()
}

// finish ends n hashes, one after the other.
func (o *inOrder) finish(n int) {
	for range n {
		(<-o.under)()
		synctest.Wait()
	}
}

// ordered has a queue of four, and one slot, which somebody in 192.0.2.0/24 has.
func ordered(t *testing.T) *inOrder {
	o := &inOrder{T: t, h: newHasher(t, cheap(), password.Options{}), under: make(chan func(), 10)}
	o.enter("first", from(t, "192.0.2.1", false))
	return o
}

func (o *inOrder) want(served, sent []string) {
	o.Helper()
	if !slices.Equal(o.served, served) || !slices.Equal(o.sent, sent) {
		o.Errorf("served %v and sent away %v, want %v and %v", o.served, o.sent, served, sent)
	}
}

// TestAnotherNetworkIsNext: it waits for one hash, however long the line of a
// network is, and a full queue has a seat for it.
func TestAnotherNetworkIsNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := ordered(t)
		for i, name := range []string{"a", "b", "c", "d", "e"} {
			o.enter(name, from(t, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}).String(), false)) // one network
		}
		o.want([]string{"first"}, []string{"e"})
		o.enter("other", from(t, "198.51.100.1", false))
		o.enter("six", from(t, "2001:db8:1:2::1", false))
		o.want([]string{"first"}, []string{"e", "d", "c"})
		o.finish(5)
		o.want([]string{"first", "other", "six", "a", "b"}, []string{"e", "d", "c"})
	})
}

// TestAFullQueueOfEqualsIsBusy: with one caller of each network in it, nobody leaves.
func TestAFullQueueOfEqualsIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := ordered(t)
		for _, address := range []string{"10.0.1.1", "10.0.2.1", "10.0.3.1", "10.0.4.1", "10.0.5.1"} {
			o.enter(address, from(t, address, false))
		}
		o.want([]string{"first"}, []string{"10.0.5.1"})
		o.enter("owner", from(t, "10.0.5.1", true))
		o.want([]string{"first"}, []string{"10.0.5.1", o.sent[1]})
		o.enter("stranger", from(t, "10.0.6.1", false))
		if len(o.sent) != 3 || o.sent[2] != "stranger" {
			t.Errorf("a stranger took the seat of somebody: %v", o.sent)
		}
		o.finish(1)
		if o.served[1] != "owner" {
			t.Errorf("served %v, want the owner on a known device first", o.served)
		}
		o.finish(4)
	})
}

// TestNetworksTakeTurns: each of two networks gets every second slot.
func TestNetworksTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := ordered(t)
		for _, name := range []string{"a1", "a2", "b1", "b2"} {
			o.enter(name, from(t, map[byte]string{'a': "203.0.113.7", 'b': "203.0.114.7"}[name[0]], false))
		}
		o.finish(5)
		o.want([]string{"first", "a1", "b1", "a2", "b2"}, nil)
	})
}

// TestUnknownAddressesShareALine, and work that nobody waits for has one, too.
func TestUnknownAddressesShareALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := ordered(t)
		for _, name := range []string{"x", "y", "z"} {
			o.enter(name, t.Context())
		}
		o.enter("other", from(t, "198.51.100.1", false))
		go func() {
			release := o.h.Take()
			o.served = append(o.served, "import")
			o.under <- release
		}()
		synctest.Wait()
		o.enter("more", from(t, "198.51.101.1", false))
		o.finish(6)
		o.want([]string{"first", "x", "other", "import", "more", "y"}, []string{"z"})
		if _, err := o.h.TakeAs(cancelled(t)); !errors.Is(err, context.Canceled) {
			t.Errorf("after leaving: %v", err)
		}
	})
}

func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
