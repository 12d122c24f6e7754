package keyset_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify/internal/keyset"
)

// TestKeyIsWithdrawnMeanwhile holds that a verification which began before the
// keys changed keeps no key that nothing would withdraw.
func TestKeyIsWithdrawnMeanwhile(t *testing.T) {
	k, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	set, err := jose.ParseKeySet(k.PublicJWK())
	if err != nil {
		t.Fatal(err)
	}
	keys := keyset.NewPublished(time.Hour, slog.New(slog.DiscardHandler))
	keys.Use(set)
	before := keys.Current()
	learned := keys.Learn(before, "header", jose.Header{Kid: k.Kid(), Algorithm: k.Algorithm()}, k.Public())
	if learned.Withdrawn() {
		t.Error("a key of the current set is withdrawn")
	}
	if again := keys.Learn(before, "header", jose.Header{}, k.Public()); again != learned {
		t.Error("a known header has two keys")
	}
	keys.Use(set)
	if late := keys.Learn(before, "another", jose.Header{}, k.Public()); !late.Withdrawn() {
		t.Error("a key that was found in an old set is kept")
	}
	if learned.Withdrawn() {
		t.Error("a key that is published again is withdrawn")
	}
}
