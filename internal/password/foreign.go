package password

import (
	"context"
	"crypto/subtle"
	"fmt"

	"github.com/portaria/portaria/internal/password/legacy"
)

// maxLevel bounds the work that every refusal costs because a costly hash was seen:
// a bcrypt hash of cost 13, about half a second.
const maxLevel = 1 << 20

// checkForeign compares a password with a hash of another system. That system may
// have hashed what a browser sent without normalising it. So the text is tried as
// it was typed, too.
func (h *Hasher) checkForeign(ctx context.Context, plain Plain, stored string) (matches bool, spent uint32, err error) {
	foreign, err := legacy.Stored(stored)
	if err != nil {
		return false, 0, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	for _, text := range plain.spellings() {
		matches, err = h.compareForeign(ctx, foreign, text)
		if err != nil {
			return false, 0, err
		}
		spent += foreign.Work()
		if matches {
			break
		}
	}
	h.meet(spent)
	return matches, spent, nil
}

// compareForeign computes the digest of the scheme, and the Argon2id hash around it
// if the hash was wrapped.
func (h *Hasher) compareForeign(ctx context.Context, foreign legacy.Hash, text []byte) (bool, error) {
	digest, err := h.run(ctx, job{foreign: &foreign, size: foreign.DigestSize(), plain: text})
	if err != nil {
		return false, err
	}
	if !foreign.Wrapped() {
		return foreign.Matches(digest), nil
	}
	outer, err := parsePHC(foreign.Outer())
	if err != nil {
		return false, err
	}
	tag, err := h.run(ctx, job{params: outer.params, salt: outer.salt, size: len(outer.tag), plain: digest})
	return err == nil && subtle.ConstantTimeCompare(tag, outer.tag) == 1, err
}

// meet remembers the work of a hash, so that every refusal costs as much
// from now on.
func (h *Hasher) meet(work uint32) {
	work = min(work, maxLevel)
	for {
		known := h.costliest.Load()
		if known >= work || h.costliest.CompareAndSwap(known, work) {
			return
		}
	}
}

// Accept reads a hash of another system and returns the text to store. Weak hashes,
// and all hashes if the request says so, are wrapped in Argon2id with the parameters
// of a new hash: no weak hash rests in the database. Errors: those of
// [legacy.Parse] and [Hasher.Hash].
func (h *Hasher) Accept(ctx context.Context, s legacy.Source, wrap Wrap) (string, error) {
	foreign, err := legacy.Parse(s)
	if err != nil {
		return "", err
	}
	h.meet(foreign.Work())
	if wrap == WrapNone || wrap == WrapWeak && !foreign.Weak(h.policy.params().work()) {
		return foreign.String(), nil
	}
	outer := digest{params: h.policy.params(), salt: random(saltSize)}
	turn, err := h.wait(ctx)
	if err != nil {
		return "", fmt.Errorf("wrap password hash: %w", err)
	}
	outer.tag = h.use(turn, job{params: outer.params, salt: outer.salt, size: tagSize, plain: foreign.Tag()})
	wrapped, err := foreign.WrappedIn(outer.String())
	if err != nil {
		return "", fmt.Errorf("wrap password hash: %w", err)
	}
	return wrapped.String(), nil
}

// Wrap says which hashes of other systems are wrapped in Argon2id.
type Wrap string

// The choices of Wrap. The zero value is none of them.
const (
	WrapWeak Wrap = "weak"
	WrapAll  Wrap = "all"
	WrapNone Wrap = "none"
)

// readForeign reads the recipe of a job from the pipe.
func readForeign(j job, recipe string) (job, error) {
	foreign, err := legacy.Stored(recipe)
	if err != nil {
		return job{}, err
	}
	if j.size != foreign.DigestSize() {
		return job{}, fmt.Errorf("digest of %d bytes", j.size)
	}
	j.foreign = &foreign
	return j, nil
}

// foreignTag returns the digest of a password. If it cannot be computed, it returns
// random bytes, which match no hash.
func foreignTag(foreign legacy.Hash, plain []byte) []byte {
	digest, err := foreign.Digest(plain)
	if err != nil || len(digest) != foreign.DigestSize() {
		return random(foreign.DigestSize())
	}
	return digest
}
