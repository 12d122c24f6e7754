package api

import (
	"encoding/json"
	"time"
)

// Scopes of clients that follow the revocation log, that write to it, and that
// ask about access tokens for other audiences than their own (RFC 7662).
const (
	RevocationReadScope  = "revocation:read"
	RevocationWriteScope = "revocation:write"
	IntrospectionScope   = "introspection"
)

// Names of the events of the revocation feed (text/event-stream), which are
// the types of frames of a poll, too.
const (
	FrameHello     = "hello"
	FrameRules     = "rev"
	FrameKeySet    = "jwks"
	FrameHeartbeat = "hb"
	FrameReset     = "reset"
	// FrameDrain is the last event of a stream whose server stops: the follower
	// reconnects, and reaches another process. Followers that do not know it
	// see only the end of the stream.
	FrameDrain = "drain"
)

// FeedHello is the first event of a feed, and the data of a reset: after it the
// follower fetches the snapshot and merges it.
type FeedHello struct {
	Epoch int64 `json:"epoch"`
	// Head is the last position of the log, Floor the position after which the feed
	// can go on without a snapshot.
	Head  int64 `json:"head"`
	Floor int64 `json:"floor"`
	// Salt goes into every hash; base64url.
	Salt string `json:"salt"`
}

// FeedRules is a part of the log: every rule after From up to To that can still
// refuse a token.
type FeedRules struct {
	From  int64      `json:"from"`
	To    int64      `json:"to"`
	Rules []FeedRule `json:"rules" nullable:"false"`
	// Proof is that of To; see FeedHeartbeat.
	Proof string `json:"proof,omitempty"`
}

// FeedRule is one rule as verifiers see it.
type FeedRule struct {
	Seq  int64  `json:"seq"`
	Kind string `json:"kind" enum:"t,s,u,c,uc,k,i"`
	// Hash is the first 16 bytes of SHA-256(salt, kind, NUL, issuer, NUL,
	// value), base64url.
	Hash string `json:"h"`
	// At and Prune are seconds since 1970: when the rule was written, and
	// from when on no token can be left that it refuses.
	At    int64  `json:"t"`
	Prune int64  `json:"x"`
	Mode  string `json:"mode" enum:"hard,soft"`
}

// PlaceHeader is the request header in which a follower repeats the last Proof
// that it got.
const PlaceHeader = "Portaria-Place"

// FeedHeartbeat says how old the issuer's view is.
type FeedHeartbeat struct {
	Head int64 `json:"head"`
	// Proof shows later that the log has come to Head: a follower repeats it when it
	// comes back. A place that is sent without it is believed only as far as the
	// log reaches.
	Proof string `json:"proof,omitempty"`
	// Age is how long ago the stream was accepted, less how old the server's
	// own view of its store is, in milliseconds; it may be negative. The
	// follower's view is as of the moment before it dialled, plus this.
	Age int64 `json:"age_ms"`
	// Wall is an upper bound of the time that any process of the issuer writes
	// into "iat" at the moment that Age names, in milliseconds since 1970. It
	// is missing when the server cannot prove one.
	Wall int64 `json:"w,omitempty"`
}

// Snapshot is the first line of a snapshot; every further line is a FeedRule.
type Snapshot struct {
	FeedHello
	// Age is how old the server's own view of its store is, in milliseconds,
	// counted to when the request arrived; the follower's view is as of the
	// moment before it dialled, less this.
	Age int64 `json:"asof_age_ms"`
	// Wall is that of a FeedHeartbeat.
	Wall   int64           `json:"w,omitempty"`
	KeySet json.RawMessage `json:"jwks"`
	// Proof is that of Head; see FeedHeartbeat.
	Proof string `json:"proof,omitempty"`
}

// Poll asks for what a feed would have said.
type Poll struct {
	After int64 `json:"after" minimum:"0" maximum:"9007199254740991" doc:"The last position of the log that was applied."`
	Wait  int   `json:"wait,omitempty" minimum:"0" maximum:"25" doc:"Seconds to wait for news."`
	Ack   *Ack  `json:"ack,omitempty"`
	// Verifier, Lease and WhenStale are what a stream says in its query: who
	// follows, for how long it trusts what it hears, and what it does then.
	// They are recorded before the response is made.
	Verifier  string `json:"verifier,omitempty" maxLength:"64" doc:"The random name that the verifier keeps while it runs."`
	Lease     int64  `json:"lease_ms,omitempty" minimum:"0" doc:"For how long it trusts its view, in milliseconds; 10 seconds unless it says so."`
	WhenStale string `json:"when_stale,omitempty" enum:"refuse,introspect,open" doc:"What it does then."`
	Place     string `json:"-" header:"Portaria-Place" maxLength:"64" doc:"The proof of the last heartbeat."`
}

// Frames is the answer to a poll: hello or reset, then rev, jwks and always a
// heartbeat, whose age counts from when the request arrived.
type Frames struct {
	Frames []Frame `json:"frames" nullable:"false"`
}

// Frame is one event of a feed.
type Frame struct {
	Type string          `json:"type" enum:"hello,rev,jwks,hb,reset"`
	Data json.RawMessage `json:"data"`
}

// Ack says how far a verifier has come, and what it does when it is not fresh.
type Ack struct {
	// Verifier is a random name that the verifier keeps while it runs.
	Verifier string `json:"verifier" minLength:"1" maxLength:"64"`
	// Seq is the last position that it has applied, which no log is behind.
	Seq int64 `json:"seq" minimum:"0" maximum:"9007199254740991"`
	// Staleness is the verifier's lease in milliseconds.
	Staleness int64 `json:"staleness_ms" minimum:"1"`
	// WhenStale is its policy: refuse, introspect, or open where a route of
	// it accepts what it cannot know.
	WhenStale string `json:"when_stale" enum:"refuse,introspect,open"`
	// KeySet is the ETag of the key set it verifies with, or empty.
	KeySet string `json:"key_set,omitempty" maxLength:"128"`
	// Audience is the service it works for.
	Audience string `json:"audience,omitempty" maxLength:"255"`
	// Followers are those that follow this verifier, which is a relay. They are
	// known by their names behind the relay's.
	Followers []FollowerAck `json:"followers,omitempty" maxItems:"256"`
}

// FollowerAck is the ack of a verifier that follows a relay: an Ack without
// followers of its own, which stand beside it.
type FollowerAck struct {
	Verifier  string `json:"verifier" minLength:"1" maxLength:"64"`
	Seq       int64  `json:"seq" minimum:"0" maximum:"9007199254740991"`
	Staleness int64  `json:"staleness_ms" minimum:"1"`
	WhenStale string `json:"when_stale" enum:"refuse,introspect,open"`
	KeySet    string `json:"key_set,omitempty" maxLength:"128"`
	Audience  string `json:"audience,omitempty" maxLength:"255"`
}

// Ack is what the verifier would have said itself.
func (a FollowerAck) Ack() Ack {
	return Ack{Verifier: a.Verifier, Seq: a.Seq, Staleness: a.Staleness, WhenStale: a.WhenStale, KeySet: a.KeySet, Audience: a.Audience}
}

// Target is what to revoke. Exactly one of its members, or kind and id, is
// given.
type Target struct {
	Kind string `json:"kind,omitempty" enum:"token,session,account,client,key,issuer" doc:"What id names."`
	ID   string `json:"id,omitempty" maxLength:"512" doc:"The jti, session id, account id, client id or kid; empty for the issuer."`

	Token   string `json:"token,omitempty" maxLength:"512" doc:"The jti of an access token: this token."`
	Session string `json:"session,omitempty" maxLength:"512" doc:"A session id: the session and all its access tokens."`
	Account string `json:"account,omitempty" maxLength:"512" doc:"An account id: all its sessions and tokens so far; with client, those at that client."`
	Client  string `json:"client,omitempty" maxLength:"512" doc:"A client id: all tokens of that client so far."`
	Key     string `json:"key,omitempty" maxLength:"512" doc:"A kid: the key, and everything that it has signed."`
	Issuer  bool   `json:"issuer,omitempty" doc:"Everything so far."`
}

// Revoke takes tokens back.
type Revoke struct {
	Target Target `json:"target"`
	Mode   string `json:"mode,omitempty" enum:"hard,soft" doc:"hard (the default): it is over, sign in again. soft: refresh and come back."`
	Reason string `json:"reason,omitempty" maxLength:"256" doc:"For the audit trail."`
	Unseen bool   `json:"unseen,omitempty" doc:"Write the rule also when this service knows no session, account, client or key of that name: after a restored backup, or for a key that verifiers were given by hand. Without it the answer is 404 and nothing is written."`
	// IdempotencyKey makes it safe to ask again.
	IdempotencyKey string `json:"-" header:"Idempotency-Key" maxLength:"255" doc:"The same key again answers the first rule's receipt, and writes nothing. Printable text; whatever else was asked for with it is refused."`
	Prefer         string `json:"-" header:"Prefer" doc:"wait=N answers when all verifiers have confirmed, after N seconds at the latest (RFC 7240)."`
}

// Receipt says how far a rule has come.
type Receipt struct {
	Seq         int64     `json:"seq" doc:"Its position in the log."`
	EffectiveBy time.Time `json:"effective_by" doc:"When every verifier refuses, at the latest: each trusts what it knows for a bounded time. Asked for later, up to five seconds later than in the first answer, because it is not kept when the rule became durable; both hold."`
	Confirmed   int       `json:"confirmed" doc:"Verifiers that have applied the rule."`
	Pending     int       `json:"pending" doc:"Verifiers that follow the log and have not said so yet."`
	Silent      int       `json:"silent" doc:"Verifiers that are offline. They answer 503 until they reconnect."`
	Open        []string  `json:"open" nullable:"false" doc:"Verifiers that did not confirm and may accept what they cannot know: for them effective_by does not hold. At most 20 are named."`
	OpenCount   int       `json:"open_count" doc:"How many there are of those."`
}

// Revoked is the receipt of a rule that was just written.
type Revoked struct{ Receipt }

// RulePlace names a rule by its position in the log.
type RulePlace struct {
	Seq int `json:"-" path:"seq" doc:"The seq of a receipt."`
}

// Verifier is a service, a gateway or a relay that follows the log.
type Verifier struct {
	Client    string    `json:"client" doc:"The client it proved to be."`
	Name      string    `json:"verifier" doc:"The random name that it gave itself."`
	Audience  string    `json:"audience,omitempty" doc:"The service it works for."`
	Seq       int64     `json:"seq" doc:"How far it has come."`
	Behind    int64     `json:"behind" doc:"By how many places the log is ahead of it; -1 when it is of another epoch."`
	Staleness int64     `json:"staleness_ms" doc:"For how long it trusts its view."`
	WhenStale string    `json:"when_stale" doc:"What it does then: refuse, introspect or open."`
	KeySet    string    `json:"key_set,omitempty" doc:"The ETag of the key set that it verifies with."`
	Seen      time.Time `json:"seen_at"`
	Silent    bool      `json:"silent" doc:"Whether it is offline."`
}

// Verifiers is the fleet.
type Verifiers struct {
	Head      int64      `json:"head" doc:"The last position of the log."`
	Followers int        `json:"followers" doc:"Feeds that this process serves right now."`
	Verifiers []Verifier `json:"verifiers" nullable:"false"`
}

// Epoch is an epoch of the log.
type Epoch struct {
	Epoch int64 `json:"epoch"`
	Head  int64 `json:"head"`
}
