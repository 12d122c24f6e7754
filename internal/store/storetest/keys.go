package storetest

import (
	"time"

	"github.com/portaria/portaria/internal/keyring"
)

func keyPromises() promises {
	return promises{
		"a key is kept as it was added, ordered by purpose and seq": func(s *suite) {
			full := key("B", 2)
			full.RetireAt, full.KilledAt = at(time.Hour), at(2*time.Hour)
			bare := keyring.Record{Kid: "a", Purpose: keyring.Signing, Seq: 1, Algorithm: "HS256"}
			sealing := key("z", 9)
			sealing.Purpose = keyring.Encryption
			late := key("0", 10)
			for _, r := range []keyring.Record{late, full, sealing, bare} {
				s.ok(s.keys.AddKey(s.ctx, r))
			}
			s.hasKeys(sealing, bare, full, late)
		},
		"a kid and a place in the order are taken once": func(s *suite) {
			first := key("first", 1)
			s.ok(s.keys.AddKey(s.ctx, first))
			s.fails(s.keys.AddKey(s.ctx, key("first", 2)), keyring.ErrConflict)
			s.fails(s.keys.AddKey(s.ctx, key("second", 1)), keyring.ErrConflict)
			s.hasKeys(first)
			other := key("second", 1)
			other.Purpose = keyring.Encryption
			s.ok(s.keys.AddKey(s.ctx, other))
		},
		"rotating adds the successor and retires the predecessor in one step": func(s *suite) {
			first, second := key("first", 1), key("second", 2)
			s.ok(s.keys.AddKey(s.ctx, first))
			s.ok(s.keys.Rotate(s.ctx, "first", second))
			first.RetireAt = second.ActivateAt
			s.hasKeys(first, second)
			s.fails(s.keys.Rotate(s.ctx, "first", key("third", 3)), keyring.ErrConflict)
			s.fails(s.keys.Rotate(s.ctx, "second", key("first", 3)), keyring.ErrConflict)
			s.fails(s.keys.Rotate(s.ctx, "second", key("third", 2)), keyring.ErrConflict)
			s.fails(s.keys.Rotate(s.ctx, "nobody", key("third", 3)), keyring.ErrNotFound)
			s.ok(s.keys.KillKey(s.ctx, "second", start))
			s.fails(s.keys.Rotate(s.ctx, "second", key("third", 3)), keyring.ErrConflict)
			second.KilledAt = start
			s.hasKeys(first, second)
		},
		"a key is retired once, and not after it was killed": func(s *suite) {
			first, second := key("first", 1), key("second", 2)
			s.ok(s.keys.AddKey(s.ctx, first))
			s.ok(s.keys.AddKey(s.ctx, second))
			s.ok(s.keys.RetireKey(s.ctx, "first", at(1e9)))
			s.fails(s.keys.RetireKey(s.ctx, "first", at(2e9)), keyring.ErrConflict)
			s.fails(s.keys.RetireKey(s.ctx, "nobody", at(1e9)), keyring.ErrNotFound)
			s.ok(s.keys.KillKey(s.ctx, "second", at(1e9)))
			s.fails(s.keys.RetireKey(s.ctx, "second", at(2e9)), keyring.ErrConflict)
			first.RetireAt, second.KilledAt = at(1e9), at(1e9)
			s.hasKeys(first, second)
		},
		"replacing withdraws the next key, moves the retirement and adds the successor in one step": func(s *suite) {
			first, second, third := key("first", 1), key("second", 2), key("third", 3)
			third.ActivateAt = at(time.Hour)
			s.ok(s.keys.AddKey(s.ctx, first))
			s.ok(s.keys.Rotate(s.ctx, "first", second))
			replace := func(predecessor, withdrawn string, successor keyring.Record) error {
				return s.keys.Replace(s.ctx, keyring.Replacement{Predecessor: predecessor, Withdrawn: withdrawn, At: at(time.Second), Successor: successor})
			}
			s.fails(replace("first", "second", key("first", 3)), keyring.ErrConflict)
			s.fails(replace("first", "second", key("third", 2)), keyring.ErrConflict)
			s.fails(replace("nobody", "second", third), keyring.ErrNotFound)
			s.fails(replace("first", "nobody", third), keyring.ErrNotFound)
			first.RetireAt = second.ActivateAt
			s.hasKeys(first, second)
			s.ok(replace("first", "second", third))
			first.RetireAt, second.RetireAt, second.KilledAt = third.ActivateAt, at(time.Second), at(time.Second)
			s.hasKeys(first, second, third)
			s.fails(replace("first", "second", key("fourth", 4)), keyring.ErrConflict)
			s.fails(replace("second", "third", key("fourth", 4)), keyring.ErrConflict)
			fourth := key("fourth", 4)
			s.ok(replace("first", "", fourth))
			first.RetireAt = fourth.ActivateAt
			s.hasKeys(first, second, third, fourth)
		},
		"a key that signs, or soon will not, is not withdrawn": func(s *suite) {
			first, second, third := key("first", 1), key("second", 2), key("third", 3)
			third.RetireAt = at(time.Hour)
			for _, r := range []keyring.Record{first, second, third} {
				s.ok(s.keys.AddKey(s.ctx, r))
			}
			r := keyring.Replacement{Predecessor: "first", Withdrawn: "second", At: second.ActivateAt, Successor: key("fourth", 4)}
			s.fails(s.keys.Replace(s.ctx, r), keyring.ErrConflict)
			r.Withdrawn, r.At = "third", start
			s.fails(s.keys.Replace(s.ctx, r), keyring.ErrConflict)
			s.hasKeys(first, second, third)
		},
		"a key begins to sign earlier, never later, and not after it was killed": func(s *suite) {
			first := key("first", 1)
			s.ok(s.keys.AddKey(s.ctx, first))
			s.ok(s.keys.HastenKey(s.ctx, "first", at(time.Second)))
			s.ok(s.keys.HastenKey(s.ctx, "first", at(time.Hour)))
			s.fails(s.keys.HastenKey(s.ctx, "nobody", start), keyring.ErrNotFound)
			first.ActivateAt = at(time.Second)
			s.hasKeys(first)
			s.ok(s.keys.KillKey(s.ctx, "first", at(time.Minute)))
			s.fails(s.keys.HastenKey(s.ctx, "first", start), keyring.ErrConflict)
			first.KilledAt = at(time.Minute)
			s.hasKeys(first)
		},
		"killing twice keeps the first moment": func(s *suite) {
			first := key("first", 1)
			s.ok(s.keys.AddKey(s.ctx, first))
			s.ok(s.keys.KillKey(s.ctx, "first", at(1e9)))
			s.ok(s.keys.KillKey(s.ctx, "first", at(2e9)))
			s.fails(s.keys.KillKey(s.ctx, "nobody", at(1e9)), keyring.ErrNotFound)
			first.KilledAt = at(1e9)
			s.hasKeys(first)
		},
		"the longest lifetime only grows": func(s *suite) {
			first := key("first", 1)
			s.ok(s.keys.AddKey(s.ctx, first))
			s.ok(s.keys.RaiseTTL(s.ctx, "first", time.Hour))
			s.ok(s.keys.RaiseTTL(s.ctx, "first", time.Second))
			s.fails(s.keys.RaiseTTL(s.ctx, "nobody", time.Hour), keyring.ErrNotFound)
			first.LongestTTL = time.Hour
			s.hasKeys(first)
		},
		"sealed bytes are replaced only if they are still the old ones": func(s *suite) {
			first := key("first", 1)
			s.ok(s.keys.AddKey(s.ctx, first))
			s.fails(s.keys.Reseal(s.ctx, "first", []byte("other"), []byte("new")), keyring.ErrConflict)
			s.fails(s.keys.Reseal(s.ctx, "first", nil, []byte("new")), keyring.ErrConflict)
			s.fails(s.keys.Reseal(s.ctx, "nobody", first.Sealed, []byte("new")), keyring.ErrConflict)
			s.hasKeys(first)
			s.ok(s.keys.Reseal(s.ctx, "first", first.Sealed, []byte{0, 255}))
			first.Sealed = []byte{0, 255}
			s.hasKeys(first)
		},
		"who deletes a key hears it, and deleting it twice is no error": func(s *suite) {
			s.ok(s.keys.AddKey(s.ctx, key("first", 1)))
			for _, there := range []bool{true, false} {
				deleted, err := s.keys.DeleteKey(s.ctx, "first")
				s.ok(err)
				s.same(deleted, there)
			}
			s.hasKeys()
		},
	}
}

func secretPromises() promises {
	return promises{
		"a secret is found as it was added": func(s *suite) {
			sealed := []byte{0, 1, 2, 255}
			s.ok(s.keys.AddSecret(s.ctx, keyring.SealedSecret{Name: "refresh", Sealed: sealed}))
			found, err := s.keys.Secret(s.ctx, "refresh")
			s.ok(err)
			s.same(found, sealed)
		},
		"an unknown secret is not found": func(s *suite) {
			_, err := s.keys.Secret(s.ctx, "refresh")
			s.fails(err, keyring.ErrNotFound)
		},
		"a secret's name is taken once": func(s *suite) {
			s.ok(s.keys.AddSecret(s.ctx, keyring.SealedSecret{Name: "refresh", Sealed: []byte("one")}))
			s.fails(s.keys.AddSecret(s.ctx, keyring.SealedSecret{Name: "refresh", Sealed: []byte("two")}), keyring.ErrConflict)
			found, err := s.keys.Secret(s.ctx, "refresh")
			s.ok(err)
			s.same(found, []byte("one"))
		},
		"a generation of a secret and its event are one step": func(s *suite) {
			add := func(want error) func() {
				return func() {
					done := keyring.SecretRotation{Name: "refresh", Generation: 2, From: start, Until: at(time.Hour)}
					s.fails(s.keys.AddGeneration(s.ctx, keyring.SealedSecret{Name: "refresh/2", Sealed: []byte("two")}, done, start), want)
				}
			}
			s.writes(add(nil), "secret.rotated refresh")
			s.writes(add(keyring.ErrConflict))
			found, err := s.keys.Secret(s.ctx, "refresh/2")
			s.ok(err)
			s.same(found, []byte("two"))
		},
		"secrets are ordered by name, byte by byte": func(s *suite) {
			var want []keyring.SealedSecret
			for _, name := range []string{"B", "_", "a", "b"} { // not a dictionary's order
				want = append(want, keyring.SealedSecret{Name: name, Sealed: []byte(name)})
			}
			for _, i := range []int{2, 0, 3, 1} {
				s.ok(s.keys.AddSecret(s.ctx, want[i]))
			}
			found, err := s.keys.Secrets(s.ctx)
			s.ok(err)
			s.same(found, want)
		},
		"a secret is resealed only if it is still the old one": func(s *suite) {
			s.ok(s.keys.AddSecret(s.ctx, keyring.SealedSecret{Name: "refresh", Sealed: []byte("one")}))
			s.fails(s.keys.ResealSecret(s.ctx, "refresh", []byte("two"), []byte("three")), keyring.ErrConflict)
			s.fails(s.keys.ResealSecret(s.ctx, "nobody", []byte("one"), []byte("three")), keyring.ErrConflict)
			s.ok(s.keys.ResealSecret(s.ctx, "refresh", []byte("one"), []byte("three")))
			found, err := s.keys.Secret(s.ctx, "refresh")
			s.ok(err)
			s.same(found, []byte("three"))
		},
	}
}

func key(kid string, seq int64) keyring.Record {
	return keyring.Record{
		Kid: kid, Purpose: keyring.Signing, Seq: seq, Algorithm: "ES256",
		Public: []byte(`{"kty":"EC"}`), Sealed: []byte("sealed " + kid),
		CreatedAt: start, ActivateAt: at(time.Minute), LongestTTL: 15 * time.Minute,
	}
}

func (s *suite) hasKeys(want ...keyring.Record) {
	s.Helper()
	got, err := s.keys.Keys(s.ctx)
	s.ok(err)
	if len(got) == 0 && len(want) == 0 {
		return
	}
	s.same(got, want)
}
