package verify

import (
	"github.com/portaria/portaria/verify/internal/payload"
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/portaria/portaria/verify/internal/view"
)

// digest stands for a whole token, every byte of it: two hashes of 64 bits
// under keys that are random for each verifier and never leave it, so that
// nobody can look for two tokens with one digest. It is not a digest for
// anything else.
type digest struct{ hi, lo uint64 }

// cache keeps verified tokens: only those that were accepted, and a bounded
// number. Readers take no lock. A digest belongs into one bucket; a record that
// finds it full replaces one that was not asked for lately.
type cache struct {
	hi, lo  maphash.Seed
	entries int64
	bytes   int64
	count   atomic.Int64
	size    atomic.Int64
	buckets []bucket
	locks   [64]sync.Mutex // of writers; a bucket belongs to one of them
}

// ways is the number of records in a bucket.
const ways = 8

// bucket has half of each digest beside it, so that looking costs one line of
// memory and not eight records. It is two lines long.
type bucket struct {
	tags    [ways]atomic.Uint64
	records [ways]atomic.Pointer[record]
}

func newCache(entries int, bytes int64) *cache {
	// A third more room than records, because buckets fill unevenly.
	n := max(1, (entries+entries/3+ways-1)/ways)
	return &cache{hi: maphash.MakeSeed(), lo: maphash.MakeSeed(), entries: int64(entries), bytes: bytes, buckets: make([]bucket, n)}
}

// place returns the bucket of half a digest and its tag, which is never 0.
func (c *cache) place(hi uint64) (at, tag uint64) {
	at, _ = bits.Mul64(hi, uint64(len(c.buckets)))
	return at, hi | 1
}

// find returns the record of a token, and the digest to add one with. The
// second half of the digest is computed while the record comes out of memory.
func (c *cache) find(token string) (*record, digest) {
	d := digest{hi: maphash.String(c.hi, token)}
	at, tag := c.place(d.hi)
	b := &c.buckets[at]
	var found *record
	for i := range ways {
		if b.tags[i].Load() == tag {
			// The tag may be newer or older than the record: its digest decides.
			if r := b.records[i].Load(); r != nil && r.digest.hi == d.hi {
				found = r
				break
			}
		}
	}
	if d.lo = maphash.String(c.lo, token); found == nil || found.digest.lo != d.lo {
		return nil, d
	}
	if !found.used.Load() { // writing each time would make cores wait for each other
		found.used.Store(true)
	}
	return found, d
}

// add keeps a record in place of the one with the same digest, an empty place,
// one that has expired, or one not asked for lately.
func (c *cache) add(r *record, now int64) {
	at, tag := c.place(r.digest.hi)
	lock := &c.locks[at%uint64(len(c.locks))]
	lock.Lock()
	defer lock.Unlock()
	b := &c.buckets[at]
	i := b.victim(r.digest, now)
	old := b.records[i].Load()
	if old == nil && (c.count.Load() >= c.entries || c.size.Load()+r.size() > c.bytes) {
		// Room is made in the same bucket, so that no other lock is needed.
		if i = b.occupied(); i < 0 {
			return
		}
		old = b.records[i].Load()
	}
	if grown := r.size() - old.size(); c.size.Add(grown) > c.bytes && grown > 0 {
		c.size.Add(-grown)
		return
	}
	if old == nil {
		c.count.Add(1)
	}
	b.records[i].Store(r)
	b.tags[i].Store(tag)
}

// victim returns the place to use, best first.
func (b *bucket) victim(d digest, now int64) int {
	empty, expired, unused := -1, -1, -1
	for i := range ways {
		switch r := b.records[i].Load(); {
		case r == nil:
			empty = i
		case r.digest == d:
			return i
		case r.key.Withdrawn() || r.policy.expired(r.dates[payload.Expires], now):
			expired = i
		case !r.used.Load():
			unused = i
		}
	}
	for _, i := range []int{expired, empty, unused} {
		if i >= 0 {
			return i
		}
	}
	for i := range ways {
		b.records[i].Load().used.Store(false)
	}
	return int(d.lo % ways)
}

// occupied returns a place with a record, -1 if there is none.
func (b *bucket) occupied() int {
	for i := range ways {
		if b.records[i].Load() != nil {
			return i
		}
	}
	return -1
}

// size is the memory that a record takes, in bytes, with its place.
func (r *record) size() int64 {
	if r == nil {
		return 0
	}
	const place = 4 * int64(unsafe.Sizeof(bucket{})) / (3 * ways)
	marks := int64(0)
	if r.policy.revocable {
		marks = view.KeysSize
	}
	return int64(unsafe.Sizeof(record{})) + int64(len(r.texts)) + marks + place
}
