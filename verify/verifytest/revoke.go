package verifytest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/feed"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/verify/internal/rules"
)

// revocations are the issuer's revocation log and how far away it is.
type revocations struct {
	log         *feed.Log
	server      *feed.Server
	head        int64
	rules       []api.FeedRule
	known       *rules.Set // for introspection
	partitioned bool
	delay       time.Duration
	moved       *sync.Cond // the clock, the log, or somebody who reads it
	links       []*link
}

const salt = "a salt for the test"

// keptFor is longer than any token of a test lives.
const keptFor = 365 * 24 * time.Hour

func (v *revocations) begin(i *Issuer) {
	v.head = rule.Seq(1, 0)
	v.log = feed.NewLog(api.FeedHello{Epoch: 1, Head: v.head, Salt: base64.RawURLEncoding.EncodeToString([]byte(salt))})
	v.log.SetKeySet(i.keySet())
	v.known = rules.NewSet()
	v.moved = sync.NewCond(&i.mu)
	v.server = &feed.Server{Now: i.Now, Log: func() *feed.Log { return v.log }, Rules: i.all,
		AsOf:     func() (time.Time, bool) { return i.Now(), true },
		IssuedBy: func(asOf time.Time) (time.Time, bool) { return asOf, true }}
}

func (i *Issuer) all() iter.Seq[api.FeedRule] {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Values(slices.Clip(i.feed.rules))
}

// Revoke revokes all tokens so far of a kind and value: "t" and a jti, "s" and a sid,
// "u" and a sub, "c" and a client_id, "uc" with a sub and a client_id, "k" and a kid
// (see [Issuer.Kid]), "i" and [URL]. Verifiers that can hear the issuer refuse them
// when it returns; tokens that are minted afterwards are good.
func (i *Issuer) Revoke(kind string, value ...string) {
	i.t.Helper()
	i.rule(rule.Hard, kind, value)
}

// Outdate is Revoke for tokens that no longer say the truth: to refresh them
// helps.
func (i *Issuer) Outdate(kind string, value ...string) {
	i.t.Helper()
	i.rule(rule.Soft, kind, value)
}

func (i *Issuer) rule(mode rule.Mode, kind string, value []string) {
	i.t.Helper()
	if rules.KindOf(kind) == 0 || len(value) == 0 {
		i.t.Fatalf("revoke: no kind %q with %d values", kind, len(value))
	}
	i.mu.Lock()
	v := &i.feed
	r := rules.Rule{
		Seq: v.head + 1, Kind: rules.KindOf(kind), Soft: mode == rule.Soft, At: i.now.Unix(), Prune: i.now.Add(keptFor).Unix(),
		Key: rules.KeyOf(rule.Hash([]byte(salt), rule.Kind(kind), URL, strings.Join(value, "\x00"))),
	}
	v.rules = append(v.rules, r.Wire())
	if err := v.known.Merge([]rules.Rule{r}, 0); err != nil {
		i.t.Errorf("revoke: %v", err)
	}
	v.log.Append(api.FeedRules{From: v.head, To: r.Seq, Rules: []api.FeedRule{r.Wire()}})
	v.head = r.Seq
	i.mu.Unlock()
	i.settle()
}

// Kid is the id of the key that signs now.
func (i *Issuer) Kid() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.signer.Kid()
}

// Partition cuts verifiers off from the feed, and from nothing else, until
// Heal.
func (i *Issuer) Partition() {
	i.mu.Lock()
	i.feed.partitioned = true
	i.feed.cut()
	i.mu.Unlock()
	i.settle()
}

// Heal ends a partition, and waits until every verifier follows again: a second
// of the real time at most.
func (i *Issuer) Heal() {
	i.t.Helper()
	i.mu.Lock()
	i.feed.partitioned = false
	i.mu.Unlock()
	i.settle()
}

// Delay makes everything that the feed says take this long, on the issuer's
// clock, until it is called again.
func (i *Issuer) Delay(by time.Duration) {
	i.mu.Lock()
	i.feed.delay = by
	i.mu.Unlock()
	i.settle()
}

// introspect is RFC 7662 with all that the issuer knows.
func (i *Issuer) introspect(r *http.Request) *http.Response {
	i.mu.Lock()
	defer i.mu.Unlock()
	var c struct {
		Sub, Jti, Sid, Root string
		Rvs, Exp            int64
	}
	active := i.claims(r.PostFormValue("token"), &c) == nil
	if active {
		key := func(kind rule.Kind, value string) rules.Key {
			return rules.KeyOf(rule.Hash([]byte(salt), kind, URL, value))
		}
		keys := rules.Keys{
			rules.Token: key(rule.Token, c.Jti), rules.Session: key(rule.Session, c.Sid), rules.Root: key(rule.Session, c.Root),
			rules.Account: key(rule.Account, c.Sub),
		}
		said := i.feed.known.Table().Check(&keys, key(rule.Issuer, URL), rules.Standing{Revision: c.Rvs})
		active = said == rules.Stands && c.Exp > i.now.Unix()
	}
	return reply(r, http.StatusOK, fmt.Appendf(nil, `{"active":%v}`, active))
}

// claims reads a token of the issuer's own.
func (i *Issuer) claims(token string, into any) error {
	parts, err := jose.Split(token)
	if err != nil {
		return err
	}
	payload, err := jose.Decode(parts.Payload)
	if err != nil {
		return err
	}
	return json.Unmarshal(payload, into)
}
