package api

import "time"

// Limits of what callers may send. Struct tags repeat them, because a tag cannot
// name a constant; a test compares each tag with its constant.
const (
	// MaxBody is the greatest size of a request body, in bytes.
	MaxBody = 64 << 10
	// MaxPage is the greatest number of items a page returns.
	MaxPage = 200
	// MaxText is the greatest length of an id, an audience or another name in a
	// request, in characters, where no other limit applies.
	MaxText = 255
	// MaxRefreshToken is the greatest length of a refresh token, in characters.
	MaxRefreshToken = 512
	// MaxAcks is the greatest number of events that one poll acknowledges, and
	// MaxErrorText the length of the description of an error, in characters.
	MaxAcks      = 1000
	MaxErrorText = 1024
)

// Limits of the revocation feed.
const (
	// DefaultStaleness is how long a verifier trusts its view when it does not say.
	DefaultStaleness = 10 * time.Second
	// MaxPosition is the greatest position in the log: JSON numbers are exact up
	// to 2^53.
	MaxPosition = 1<<53 - 1
	// MaxPollWait is how long a poll waits for news at most, in seconds.
	MaxPollWait = 25
	// MaxVerifierName is the greatest length of the name of a verifier, in
	// characters.
	MaxVerifierName = 64
	// MaxKeySetTag is the greatest length of the ETag of a key set, in characters.
	MaxKeySetTag = 128
	// MaxFollowers is the greatest number of followers that one ack of a relay names.
	MaxFollowers = 256
	// MaxProof is the greatest length of the proof of a position, in characters.
	MaxProof = 64
)
