package keyring_test

import (
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/internal/testdb"
)

// world is a service of several processes on one database, and the verifiers
// of other people, who keep copies of the key set. Its clock is virtual.
type world struct {
	t         *testing.T
	random    *rand.Rand
	policy    keyring.Policy
	store     *sqlstore.Store
	processes []*process
	verifiers []*verifier
	tokens    []minted             // that have not expired yet
	seen      map[string]time.Time // kid → when all processes published it
	documents map[string]map[string]jose.Key
	now       time.Time

	maxCache, maxLife time.Duration // what the world does; the policy allows for it or not

	made, signed, verified, refused, early, leaked int
}

type process struct {
	*keyring.Ring
	looked time.Time
}

// verifier fetches the key set when its copy is older than age.
type verifier struct {
	age     time.Duration
	fetched time.Time
	keys    map[string]jose.Key
}

type minted struct {
	kid       string
	input     string
	signature []byte
	expires   time.Time // the leeway included
}

func newWorld(t *testing.T, url string, p keyring.Policy, processes int) *world {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), url, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	w := &world{
		t: t, random: rand.New(rand.NewPCG(1, 2)), policy: p, store: store, now: t0,
		seen: map[string]time.Time{}, documents: map[string]map[string]jose.Key{},
		maxCache: p.KeySetMaxAge, maxLife: p.LongestTTL,
	}
	for range processes {
		ring, err := keyring.Open(t.Context(), store.Keyring(), master(t, 1), p, t0)
		if err != nil {
			t.Fatal(err)
		}
		w.processes = append(w.processes, &process{Ring: ring, looked: t0})
	}
	for range 50 {
		w.verifiers = append(w.verifiers, &verifier{})
	}
	return w
}

// run lets time pass: at least every step something happens, and always at the
// moments when a key changes its state, and just before.
func (w *world) run(d, step time.Duration) {
	w.t.Helper()
	for end := w.now.Add(d); w.now.Before(end); {
		next := w.now.Add(step)
		for _, step := range w.processes[0].Plan(w.now).Steps {
			if step.State == keyring.Next && step.At.After(w.now) && step.At.Before(next) {
				next = step.At
			}
		}
		for _, key := range w.keys() {
			for _, moment := range moments(key.Record()) {
				if moment.After(w.now) && moment.Before(next) {
					next = moment
				}
			}
		}
		w.now = next
		w.happen()
	}
}

// moments are those at which rules about a key begin or end to hold, and those
// just before.
func moments(r keyring.Record) (all []time.Time) {
	const looksEvery = time.Minute // at the latest
	for _, at := range []time.Time{
		r.CreatedAt.Add(looksEvery - 1), r.CreatedAt.Add(looksEvery), // all publish it
		r.ActivateAt,
		r.RetireAt,
		r.RetireAt.Add(r.LongestTTL + leeway), // its last token
		r.GoneAt(),
	} {
		all = append(all, at.Add(-1), at)
	}
	return all
}

// leeway is the greatest that verifiers of ours may be set to.
const leeway = time.Minute

// keys are those that the best informed process knows.
func (w *world) keys() []keyring.Key {
	best := w.processes[0]
	for _, p := range w.processes {
		if p.looked.After(best.looked) {
			best = p
		}
	}
	return best.Keys()
}

func (w *world) happen() {
	w.t.Helper()
	fresh := w.random.IntN(len(w.processes))
	for i, p := range w.processes {
		if i != fresh {
			w.lag(p)
		}
	}
	w.maintain(w.processes[fresh], w.now)
	w.watch()
	w.mint()
	w.verify()
}

// lag has a process look a little earlier than now, when the store still holds
// what it held at the last event; or not at all, if it has looked within the
// last minute: for so long it may sign and publish what it knows.
func (w *world) lag(p *process) {
	w.t.Helper()
	if w.now.Sub(p.looked) <= time.Minute && w.random.IntN(4) > 0 {
		return
	}
	lags := []time.Duration{1, time.Duration(w.random.Int64N(int64(time.Minute))), time.Minute}
	w.maintain(p, w.now.Add(-lags[w.random.IntN(len(lags))]))
}

func (w *world) maintain(p *process, at time.Time) {
	w.t.Helper()
	if !at.After(p.looked) {
		return
	}
	p.looked = at
	up, err := p.Maintain(w.t.Context(), at)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, step := range up.Done {
		if step.State == keyring.Next {
			w.made++
		}
	}
}

// watch notes since when a key is published everywhere, and finds keys that
// are published when nothing that they signed can be alive.
func (w *world) watch() {
	for _, p := range w.processes {
		set := w.parse(p.KeySet(w.now))
		for _, key := range p.Keys() {
			_, published := set[key.Kid()]
			record := key.Record()
			if gone := record.GoneAt(); !gone.IsZero() && !w.now.Before(gone) && published {
				w.leaked++
			}
		}
	}
	for _, key := range w.keys() {
		everywhere := true
		for _, p := range w.processes {
			everywhere = everywhere && w.parse(p.KeySet(w.now))[key.Kid()].Algorithm() != ""
		}
		if _, seen := w.seen[key.Kid()]; everywhere && !seen {
			w.seen[key.Kid()] = w.now
		}
	}
}

func (w *world) mint() {
	w.t.Helper()
	for _, p := range w.processes {
		key, err := p.Active(w.now)
		if err != nil {
			w.t.Fatalf("after %v: %v", w.now.Sub(t0), err)
		}
		// The first key of all has no predecessor to wait behind.
		if since, seen := w.seen[key.Kid()]; key.Record().Seq > 1 && (!seen || w.now.Sub(since) < w.policy.KeySetMaxAge) {
			w.early++
		}
		input := w.now.String()
		signature, err := key.Sign(input)
		if err != nil {
			w.t.Fatal(err)
		}
		w.signed++
		w.tokens = append(w.tokens, minted{key.Kid(), input, signature, w.now.Add(w.maxLife + leeway)})
	}
}

// verify has every verifier look at the youngest tokens and at those that are
// about to expire.
func (w *world) verify() {
	var alive []minted
	for _, token := range w.tokens {
		if w.now.Before(token.expires) {
			alive = append(alive, token)
		}
	}
	w.tokens = alive
	checked := append(alive[len(alive)-len(w.processes):], alive[0], alive[w.random.IntN(len(alive))])
	for i, v := range w.verifiers {
		if v.keys == nil || w.random.IntN(10) == 0 { // somebody new
			v.age = []time.Duration{0, time.Duration(w.random.Int64N(int64(w.maxCache))), w.maxCache}[w.random.IntN(3)]
			v.keys = nil
		}
		if v.keys == nil || w.now.Sub(v.fetched) > v.age {
			v.fetched, v.keys = w.now, w.fetch()
		}
		for j, token := range checked {
			// Whether the signature is good does not depend on who looks.
			w.check(v, token, i == 0 && j < 2)
		}
	}
}

func (w *world) check(v *verifier, token minted, signature bool) {
	key, ok := v.keys[token.kid]
	if !ok || (signature && key.Verify(token.input, token.signature) != nil) {
		w.refused++
		return
	}
	w.verified++
}

// fetch returns the key set of any process.
func (w *world) fetch() map[string]jose.Key {
	return w.parse(w.processes[w.random.IntN(len(w.processes))].KeySet(w.now))
}

func (w *world) parse(set keyring.KeySet) map[string]jose.Key {
	w.t.Helper()
	if keys, ok := w.documents[set.ETag]; ok {
		return keys
	}
	var document struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(set.JSON, &document); err != nil {
		w.t.Fatal(err)
	}
	keys := map[string]jose.Key{}
	for _, text := range document.Keys {
		key, err := jose.ParseJWK(text)
		if err != nil {
			w.t.Fatal(err)
		}
		keys[key.Kid()] = key
	}
	w.documents[set.ETag] = keys
	return keys
}

func sqlite(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "portaria.db") }

// TestAYearOfDailyRotation: whatever copies of the key set people keep, within
// its max-age, no good token is ever refused, no key signs before everybody
// may know it, and none is published when its last token has expired.
func TestAYearOfDailyRotation(t *testing.T) {
	const day = 24 * time.Hour
	for name, p := range map[string]keyring.Policy{
		"short":   {RotateEvery: day, KeySetMaxAge: time.Second, LongestTTL: 15 * time.Minute},
		"usual":   {RotateEvery: day, KeySetMaxAge: time.Hour, LongestTTL: 15 * time.Minute},
		"extreme": {RotateEvery: day, KeySetMaxAge: day - 2*time.Minute, LongestTTL: 3 * day},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sqlite(t), p, 3)
			w.run(365*day, 4*time.Hour)
			t.Logf("%d keys made, %d tokens signed, %d verifications", w.made, w.signed, w.verified)
			if w.refused != 0 || w.early != 0 || w.leaked != 0 {
				t.Errorf("%d refused, %d early, %d leaked; want none", w.refused, w.early, w.leaked)
			}
			if w.made < 360 || w.made > 366 {
				t.Errorf("%d keys made, want one a day", w.made)
			}
			if left := len(w.keys()); left > 6 {
				t.Errorf("%d keys rest in the store", left)
			}
		})
	}
}

// TestTheYearCanFail: the proof above finds what is only a little wrong, such
// as a copy of the key set that is kept too long, or a token that lives longer
// than the ring was told.
func TestTheYearCanFail(t *testing.T) {
	const day = 24 * time.Hour
	p := keyring.Policy{RotateEvery: day, KeySetMaxAge: time.Hour, LongestTTL: 15 * time.Minute}
	for name, wrong := range map[string]func(*world){
		"cached too long": func(w *world) { w.maxCache += 2 * time.Minute },
		"lives too long":  func(w *world) { w.maxLife += 2 * time.Minute },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sqlite(t), p, 3)
			wrong(w)
			w.run(30*day, 4*time.Hour)
			if w.refused == 0 {
				t.Error("nothing was refused")
			}
		})
	}
}

// TestProcessesOnPostgreSQLRotateOnce: eight processes look at the same time,
// day after day, and each key is made by one of them.
func TestProcessesOnPostgreSQLRotateOnce(t *testing.T) {
	w := newWorld(t, testdb.Postgres(t), daily(), 8)
	rotations := 0
	for range 40 {
		w.now = w.now.Add(12 * time.Hour)
		made := together(w, func(p *process) int {
			up, err := p.Maintain(t.Context(), w.now)
			if err != nil {
				t.Error(err)
			}
			n := 0
			for _, step := range up.Done {
				if step.State == keyring.Next {
					n++
				}
			}
			return n
		})
		if made > 1 {
			t.Errorf("after %v %d processes made a key", w.now.Sub(t0), made)
		}
		rotations += made
	}
	if rotations < 15 {
		t.Errorf("%d rotations in 20 days", rotations)
	}
	made := together(w, func(p *process) int {
		rotation, err := p.Rotate(t.Context(), w.now, keyring.Order{})
		if err != nil {
			t.Error(err)
		}
		if rotation.Already {
			return 0
		}
		return 1
	})
	if made > 1 {
		t.Errorf("on demand %d processes made a key", made)
	}
	killed := active(t, w.processes[0].Ring, w.now).Kid()
	together(w, func(p *process) int {
		if _, err := p.Kill(t.Context(), w.now, killed); err != nil {
			t.Error(err)
		}
		return 0
	})
	signs := map[string]bool{}
	for _, p := range w.processes {
		if err := p.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		signs[active(t, p.Ring, w.now).Kid()] = true
	}
	if len(signs) != 1 || signs[killed] {
		t.Errorf("after a kill %d keys sign, want one other", len(signs))
	}
}

// together has all processes do the same at the same time, and sums up.
func together(w *world, do func(*process) int) (sum int) {
	results := make(chan int)
	for _, p := range w.processes {
		go func() { results <- do(p) }()
	}
	for range w.processes {
		sum += <-results
	}
	return sum
}
