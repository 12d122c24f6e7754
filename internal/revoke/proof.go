package revoke

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
)

// proofSize is the length of the tag of a proof, in bytes.
const proofSize = 16

// Proofs makes and checks proofs that the log has reached a position. A follower gets
// a proof with the position and sends it when it reconnects. So a log that was set
// back by a restored backup is noticed, and nobody who may only read can make up a
// position. The key must outlive the database's backups: it is one of the sealed
// secrets.
type Proofs struct{ key []byte }

// NewProofs takes a key of at least 32 random bytes.
func NewProofs(key []byte) Proofs { return Proofs{key} }

// Of returns the proof of a position: its number and a tag.
func (p Proofs) Of(seq int64) string {
	number := strconv.FormatInt(seq, 10)
	return number + "." + base64.RawURLEncoding.EncodeToString(p.tag(number))
}

// Seq returns the position of a proof. Without a genuine proof it is 0. A proof has
// one spelling: a decoder would skip line feeds.
func (p Proofs) Seq(proof string) int64 {
	number, _, _ := strings.Cut(proof, ".")
	seq, err := strconv.ParseInt(number, 10, 64)
	if err != nil || len(p.key) == 0 || !hmac.Equal([]byte(p.Of(seq)), []byte(proof)) {
		return 0
	}
	return seq
}

func (p Proofs) tag(number string) []byte {
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte("portaria place in the revocation log\x00" + number))
	return mac.Sum(nil)[:proofSize]
}
