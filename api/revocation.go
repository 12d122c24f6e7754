package api

import (
	"encoding/json"
	"time"
)

// Scopes of clients: to follow the revocation log, to write to it, and to introspect
// access tokens for other audiences than their own (RFC 7662).
const (
	RevocationReadScope  = "revocation:read"
	RevocationWriteScope = "revocation:write"
	IntrospectionScope   = "introspection"
)

// Names of the events of the revocation feed (text/event-stream). They are also the
// types of the frames of a poll.
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
	// Salt is part of every hash; base64url.
	Salt string `json:"salt"`
}

// FeedRules is a part of the log: every rule after From, up to and including To,
// that can still refuse a token.
type FeedRules struct {
	From  int64      `json:"from"`
	To    int64      `json:"to"`
	Rules []FeedRule `json:"rules" nullable:"false"`
	// Proof is the proof of the position To; see FeedHeartbeat.
	Proof string `json:"proof,omitempty"`
}

// FeedRule is one rule as verifiers see it.
type FeedRule struct {
	Seq  int64  `json:"seq"`
	Kind string `json:"kind" enum:"t,s,u,c,uc,k,i"`
	// Hash is the first 16 bytes of SHA-256(salt, kind, NUL, issuer, NUL,
	// value), base64url.
	Hash string `json:"h"`
	// At and Prune are seconds since 1970. At is when the rule was written. From
	// Prune on every token that it refuses has expired.
	At    int64  `json:"t"`
	Prune int64  `json:"x"`
	Mode  string `json:"mode" enum:"hard,soft"`
}

// PlaceHeader is the request header in which a follower repeats the last Proof
// that it received.
const PlaceHeader = "Portaria-Place"

// FeedHeartbeat reports how old the issuer's view is.
type FeedHeartbeat struct {
	Head int64 `json:"head"`
	// Proof proves that the log reached Head. A follower repeats it when it reconnects.
	// Without it, the issuer accepts only positions that its log has.
	Proof string `json:"proof,omitempty"`
	// Age is the time since the stream was accepted, minus the age of the server's
	// view of its store, in milliseconds. It may be negative. The follower's view is
	// as of the moment before it dialled, plus Age.
	Age int64 `json:"age_ms"`
	// Wall is an upper bound of the time that any process of the issuer writes
	// into "iat" at the moment that Age names, in milliseconds since 1970. It is
	// absent when the server cannot prove a bound.
	Wall int64 `json:"w,omitempty"`
}

// Snapshot is the first line of a snapshot; every further line is a FeedRule.
type Snapshot struct {
	FeedHello
	// Age is the age of the server's view of its store when the request arrived, in
	// milliseconds. The follower's view is as of the moment before it dialled, minus
	// Age.
	Age int64 `json:"asof_age_ms"`
	// Wall is as in FeedHeartbeat.
	Wall   int64           `json:"w,omitempty"`
	KeySet json.RawMessage `json:"jwks"`
	// Proof is the proof of the position Head; see FeedHeartbeat.
	Proof string `json:"proof,omitempty"`
}

// Poll asks for the frames that a stream would send.
type Poll struct {
	After int64 `json:"after" minimum:"0" maximum:"9007199254740991" doc:"The last position of the log that the verifier has applied."`
	Wait  int   `json:"wait,omitempty" minimum:"0" maximum:"25" doc:"Seconds to wait for new rules."`
	Ack   *Ack  `json:"ack,omitempty"`
	// Verifier, Lease and WhenStale are the same as in the query of a stream. They
	// are recorded before the response is written.
	Verifier  string `json:"verifier,omitempty" maxLength:"64" doc:"A random name that the verifier keeps while it runs."`
	Lease     int64  `json:"lease_ms,omitempty" minimum:"0" doc:"For how long the verifier trusts its view, in milliseconds. The default is 10 seconds."`
	WhenStale string `json:"when_stale,omitempty" enum:"refuse,introspect,open" doc:"What the verifier does when its view is older: refuse tokens with 503, introspect them, or accept them (open)."`
	Place     string `json:"-" header:"Portaria-Place" maxLength:"64" doc:"The proof of the last heartbeat."`
}

// Frames is the response to a poll: hello or reset, then rev and jwks, and always a
// heartbeat. Its age counts from when the request arrived.
type Frames struct {
	Frames []Frame `json:"frames" nullable:"false"`
}

// Frame is one event of a feed.
type Frame struct {
	Type string          `json:"type" enum:"hello,rev,jwks,hb,reset"`
	Data json.RawMessage `json:"data"`
}

// Ack reports the position that a verifier has applied, and what the verifier does
// when its view is stale.
type Ack struct {
	// Verifier is a random name that the verifier keeps while it runs.
	Verifier string `json:"verifier" minLength:"1" maxLength:"64"`
	// Seq is the last position that it has applied. It is never after the head.
	Seq int64 `json:"seq" minimum:"0" maximum:"9007199254740991"`
	// Staleness is the verifier's lease in milliseconds.
	Staleness int64 `json:"staleness_ms" minimum:"1"`
	// WhenStale is its policy when its view is stale: refuse, introspect, or open if
	// any of its routes accepts tokens without knowing whether they are revoked.
	WhenStale string `json:"when_stale" enum:"refuse,introspect,open"`
	// KeySet is the ETag of the key set it verifies with, or empty.
	KeySet string `json:"key_set,omitempty" maxLength:"128"`
	// Audience is the service that it verifies tokens for.
	Audience string `json:"audience,omitempty" maxLength:"255"`
	// Followers are the verifiers that follow this verifier, which is a relay. Each is
	// known by the relay's name followed by its own.
	Followers []FollowerAck `json:"followers,omitempty" maxItems:"256"`
}

// FollowerAck is the ack of a verifier that follows a relay: an Ack without
// followers.
type FollowerAck struct {
	Verifier  string `json:"verifier" minLength:"1" maxLength:"64"`
	Seq       int64  `json:"seq" minimum:"0" maximum:"9007199254740991"`
	Staleness int64  `json:"staleness_ms" minimum:"1"`
	WhenStale string `json:"when_stale" enum:"refuse,introspect,open"`
	KeySet    string `json:"key_set,omitempty" maxLength:"128"`
	Audience  string `json:"audience,omitempty" maxLength:"255"`
}

// Ack returns the same report as an Ack.
func (a FollowerAck) Ack() Ack {
	return Ack{Verifier: a.Verifier, Seq: a.Seq, Staleness: a.Staleness, WhenStale: a.WhenStale, KeySet: a.KeySet, Audience: a.Audience}
}

// Target names what to revoke: by exactly one of its members, or by kind and id.
type Target struct {
	Kind string `json:"kind,omitempty" enum:"token,session,account,client,key,issuer" doc:"What id names."`
	ID   string `json:"id,omitempty" maxLength:"512" doc:"The jti, session id, account id, client id or kid; empty for the issuer."`

	Token   string `json:"token,omitempty" maxLength:"512" doc:"The jti of an access token: revokes this token."`
	Session string `json:"session,omitempty" maxLength:"512" doc:"A session id: ends the session and revokes all its access tokens."`
	Account string `json:"account,omitempty" maxLength:"512" doc:"An account id: ends all its sessions and revokes all its tokens so far. With client, only those of that client."`
	Client  string `json:"client,omitempty" maxLength:"512" doc:"A client id: revokes all tokens of that client so far."`
	Key     string `json:"key,omitempty" maxLength:"512" doc:"A kid: revokes the signing key and all tokens signed with it."`
	Issuer  bool   `json:"issuer,omitempty" doc:"Revokes all tokens of this issuer so far."`
}

// Revoke revokes tokens.
type Revoke struct {
	Target Target `json:"target"`
	Mode   string `json:"mode,omitempty" enum:"hard,soft" doc:"hard (the default): the person must sign in again. soft: the tokens are outdated and the client only has to refresh."`
	Reason string `json:"reason,omitempty" maxLength:"256" doc:"For the audit trail."`
	Unseen bool   `json:"unseen,omitempty" doc:"Write the rule even if this service has no session, account, client or key with this id. Use it after restoring a backup, or for a key that verifiers were configured with. Without it an unknown id is answered with 404, and nothing is written."`
	// IdempotencyKey makes it safe to repeat the request.
	IdempotencyKey string `json:"-" header:"Idempotency-Key" maxLength:"255" doc:"A repeated request with the same key returns the receipt of the first rule and writes nothing. With another target it is refused. Printable text."`
	Prefer         string `json:"-" header:"Prefer" doc:"wait=N delays the response until all verifiers have confirmed, for at most N seconds (RFC 7240)."`
}

// Receipt reports which verifiers have applied a rule.
type Receipt struct {
	Seq         int64     `json:"seq" doc:"Position of the rule in the log."`
	EffectiveBy time.Time `json:"effective_by" doc:"The time by which every verifier refuses the tokens: each trusts its view for a limited time. A later request can return a time up to five seconds later than the first response; both are correct."`
	Confirmed   int       `json:"confirmed" doc:"Number of verifiers that have applied the rule."`
	Pending     int       `json:"pending" doc:"Number of verifiers that follow the log and have not confirmed yet."`
	Silent      int       `json:"silent" doc:"Number of verifiers that are offline. They answer 503 until they reconnect."`
	Open        []string  `json:"open" nullable:"false" doc:"Verifiers that have not confirmed and may accept tokens without knowing whether they are revoked (when_stale: open). effective_by is not guaranteed for them. At most 20 are named."`
	OpenCount   int       `json:"open_count" doc:"Number of verifiers in open, including those that are not named."`
}

// Revoked is the receipt of a new rule.
type Revoked struct{ Receipt }

// RulePosition names a rule by its position in the log.
type RulePosition struct {
	Seq int `json:"-" path:"seq" doc:"The seq of a receipt."`
}

// Verifier is a service, a gateway or a relay that follows the revocation log.
type Verifier struct {
	Client    string    `json:"client" doc:"The client that the verifier authenticated as."`
	Name      string    `json:"verifier" doc:"The random name of the verifier."`
	Audience  string    `json:"audience,omitempty" doc:"The service that it verifies tokens for."`
	Seq       int64     `json:"seq" doc:"The last position that it has applied."`
	Behind    int64     `json:"behind" doc:"Number of positions between the verifier and the head of the log; -1 when it follows another epoch."`
	Staleness int64     `json:"staleness_ms" doc:"For how long it trusts its view, in milliseconds."`
	WhenStale string    `json:"when_stale" doc:"What it does when its view is older: refuse, introspect or open."`
	KeySet    string    `json:"key_set,omitempty" doc:"ETag of the key set that it verifies with."`
	Seen      time.Time `json:"seen_at"`
	Silent    bool      `json:"silent" doc:"Whether it is offline."`
}

// Verifiers is a list of verifiers.
type Verifiers struct {
	Head      int64      `json:"head" doc:"The last position of the log."`
	Followers int        `json:"followers" doc:"Number of feeds that this process serves now."`
	Verifiers []Verifier `json:"verifiers" nullable:"false"`
}

// Epoch is an epoch of the log.
type Epoch struct {
	Epoch int64 `json:"epoch"`
	Head  int64 `json:"head"`
}
