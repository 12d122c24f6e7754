package api

import "encoding/json"

// Scopes of clients that follow the revocation log, and that write to it.
const (
	RevocationReadScope  = "revocation:read"
	RevocationWriteScope = "revocation:write"
)

// Names of the events of the revocation feed (text/event-stream), which are
// the types of frames of a poll, too.
const (
	FrameHello     = "hello"
	FrameRules     = "rev"
	FrameKeySet    = "jwks"
	FrameHeartbeat = "hb"
	FrameReset     = "reset"
)

// FeedHello is the first event of a feed, and the data of a reset: after it the
// follower fetches the snapshot and merges it.
type FeedHello struct {
	Epoch int64 `json:"epoch"`
	// Head is the last place of the log; Floor the place after which the feed
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

// FeedHeartbeat says how old the issuer's view is.
type FeedHeartbeat struct {
	Head int64 `json:"head"`
	// Age is how long ago the stream was accepted, less how old the server's
	// own view of its store is, in milliseconds; it may be negative. The
	// follower's view is as of the moment before it dialled, plus this.
	Age int64 `json:"age_ms"`
}

// Snapshot is the first line of a snapshot; every further line is a FeedRule.
type Snapshot struct {
	FeedHello
	// Age is how old the server's own view of its store is, in milliseconds,
	// counted to when the request arrived; the follower's view is as of the
	// moment before it dialled, less this.
	Age    int64           `json:"asof_age_ms"`
	KeySet json.RawMessage `json:"jwks"`
}

// Poll asks for what a feed would have said.
type Poll struct {
	After int64 `json:"after" minimum:"0" doc:"The last place of the log that was applied."`
	Wait  int   `json:"wait,omitempty" minimum:"0" maximum:"25" doc:"Seconds to wait for news."`
	Ack   *Ack  `json:"ack,omitempty"`
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
	Seq      int64  `json:"seq" minimum:"0"`
	// Staleness is the verifier's lease in milliseconds.
	Staleness int64 `json:"staleness_ms" minimum:"1"`
	// WhenStale is its policy: refuse, introspect, or open where a route of
	// it accepts what it cannot know.
	WhenStale string `json:"when_stale" enum:"refuse,introspect,open"`
	// KeySet is the ETag of the key set it verifies with, or empty.
	KeySet string `json:"key_set,omitempty" maxLength:"128"`
	// Audience is the service it works for.
	Audience string `json:"audience,omitempty" maxLength:"255"`
}
