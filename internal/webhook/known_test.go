package webhook

import (
	"testing"
	"time"

	"github.com/portaria/portaria/internal/secret"
	"github.com/portaria/portaria/internal/webhook/message"
)

// Receivers hold the secret, and compute the signature by the text of Standard
// Webhooks. The values were computed without this package.
func TestKnownSignature(t *testing.T) {
	key := make(secret.Bytes, 32)
	for i := range key {
		key[i] = byte(i)
	}
	const id = "00112233-4455-6677-8899-aabbccddeeff"
	made := secretOf(key, id, 3)
	if got := show(made).Reveal(); got != "whsec_vS+UVApZswrA88Dg+OIR51YAJ5tbM33IkjFS+uwQIxc=" {
		t.Errorf("secret %s", got)
	}
	got := message.Sign([]secret.Bytes{made}, id, time.UnixMilli(1893553445678), []byte(`{"type":"session.ended"}`))
	if got != "v1,+eo2FP+h6FzX7R4sliMOvQivYRnwK3Shu5I7HfD5hoc=" {
		t.Errorf("signature %s", got)
	}
}
