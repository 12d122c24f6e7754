package view

import (
	"crypto/sha256"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/verify/internal/rules"
)

// Token is a token whose signature and claims are good.
type Token interface {
	// Mark is where the view keeps its notes about the token.
	Mark() *Mark
	// Facts are the claims that rules and bounds speak of.
	Facts() Facts
	// Identity tells tokens apart by all that they say: one token may be written
	// in several ways.
	Identity() [sha256.Size]byte
}

// Facts are claims of a token, empty for those that it does not have.
type Facts struct {
	Issuer, ID, Session, Root, Account, Client, Kid string
	// Revision is "rvs", negative when it is absent.
	Revision int64
	// IssuedAt is "iat", in milliseconds since 1970.
	IssuedAt int64
}

// Mark is what a view keeps with a token. The zero Mark knows nothing.
type Mark struct {
	keys   atomic.Pointer[rules.Keys] // the keys to look it up with; nil before the first time
	proved atomic.Pointer[Moment]     // when introspection last called it active
	epoch  atomic.Uint32              // of the rules that it was last checked against
}

// KeysSize is the memory that a Mark points to once the token was looked up, in
// bytes.
const KeysSize = int64(unsafe.Sizeof(rules.Keys{}))

// Prove notes that introspection, begun at a moment, called the token active.
func (m *Mark) Prove(at Moment) { m.proved.Store(&at) }

// Proved reports whether introspection called a token active within the bound.
func (v *View) Proved(m *Mark, now time.Time) bool {
	at := m.proved.Load()
	return at != nil && at.mono > v.doubted.Load() && v.recent(*at, now)
}

// salt goes into every hash; issuer is the key of rules about the issuer.
type salt struct {
	bytes  []byte
	issuer rules.Key
}

func newSalt(grains []byte, issuer string) *salt {
	return &salt{grains, rules.KeyOf(rule.Hash(grains, rule.Issuer, issuer, issuer))}
}

// keys returns the keys to look a token up with.
func (s *salt) keys(t Token) *rules.Keys {
	m := t.Mark()
	if k := m.keys.Load(); k != nil {
		return k
	}
	f, k := t.Facts(), &rules.Keys{}
	enter := func(at int, kind rule.Kind, value string) {
		if value != "" {
			k[at] = rules.KeyOf(rule.Hash(s.bytes, kind, f.Issuer, value))
		}
	}
	enter(rules.Token, rule.Token, f.ID)
	enter(rules.Session, rule.Session, f.Session)
	enter(rules.Root, rule.Session, f.Root)
	enter(rules.Account, rule.Account, f.Account)
	enter(rules.Client, rule.Client, f.Client)
	if f.Client != "" {
		enter(rules.AccountAtClient, rule.AccountAtClient, rule.Pair(f.Account, f.Client))
	}
	enter(rules.SigningKey, rule.Key, f.Kid)
	m.keys.Store(k)
	return k
}
