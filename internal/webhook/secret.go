package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/portaria/portaria/internal/secret"
)

// SecretPrefix begins every secret of a subscription.
const SecretPrefix = "whsec_"

// Overlap is how long a replaced secret still signs, beside the new one.
const Overlap = 24 * time.Hour

// maxSecrets bounds the secrets that sign one delivery.
const maxSecrets = 5

// secretOf returns the secret of one generation of a subscription. It is derived from a key
// of the service, so the database stores none.
func secretOf(key secret.Bytes, id string, generation int64) secret.Bytes {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("webhook\x00" + id + "\x00" + strconv.FormatInt(generation, 10)))
	return mac.Sum(nil)
}

// show returns the secret in the form that a receiver configures.
func show(s secret.Bytes) secret.Text {
	return secret.Text(SecretPrefix + base64.StdEncoding.EncodeToString(s))
}

// secrets returns those that sign for a subscription at now, the newest first.
// For a day after a rotation these include the one before. A rotation that is
// repeated within that day keeps what the first one kept, because the receiver
// may never have seen the secrets in between.
func (s Subscription) secrets(key secret.Bytes, now time.Time) []secret.Bytes {
	list := []secret.Bytes{secretOf(key, s.ID, s.Generation)}
	if !now.Before(s.RotatedAt.Add(Overlap)) {
		return list
	}
	kept := max(s.KeptGeneration, 1)
	for n := s.Generation - 1; n > kept && len(list) < maxSecrets-1; n-- {
		list = append(list, secretOf(key, s.ID, n))
	}
	if kept < s.Generation {
		list = append(list, secretOf(key, s.ID, kept))
	}
	return list
}
