package rules_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/verify/internal/rules"
)

const now = 1_800_000_000

func key(kind rule.Kind, value string) rules.Key {
	return rules.KeyOf(rule.Hash([]byte("salt"), kind, "https://issuer.test", value))
}

// keys are those of one token.
var keys = rules.Keys{
	rules.Token: key(rule.Token, "jti"), rules.Session: key(rule.Session, "sid"), rules.Root: key(rule.Session, "root"), rules.Account: key(rule.Account, "ana"),
	rules.Client: key(rule.Client, "shop"), rules.AccountAtClient: key(rule.AccountAtClient, rule.Pair("ana", "shop")),
	rules.SigningKey: key(rule.Key, "kid"),
}

var issuerKey = key(rule.Issuer, "https://issuer.test")

func about(kind rule.Kind, value string, seq int64) rules.Rule {
	return rules.Rule{Seq: seq, Key: key(kind, value), Kind: rules.KindOf(string(kind)), At: now + seq, Prune: now + 1000}
}

func soft(r rules.Rule) rules.Rule {
	r.Soft = true
	return r
}

func merged(t rapid.TB, batches ...[]rules.Rule) *rules.Set {
	t.Helper()
	s := rules.NewSet()
	for _, b := range batches {
		if err := s.Merge(b, now); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func check(s *rules.Set, revision int64) rules.Verdict {
	return s.Table().Check(&keys, issuerKey, rules.Standing{Revision: revision})
}

// TestARepeatedSnapshotNeedsNoRoom: only rules that are not known count against
// the limit. A full set takes a snapshot of the same rules, of rules that replace
// expired ones, and nothing else.
func TestARepeatedSnapshotNeedsNoRoom(t *testing.T) {
	const most = 1000
	s := rules.NewSetOf(most)
	list := func(from, to int, later int64) (all []rules.Rule) {
		for i := from; i < to; i++ {
			r := about(rule.Session, fmt.Sprint(i), int64(i+1))
			r.Prune = now + later
			all = append(all, r, r)
		}
		return all
	}
	merge := func(what string, batch []rules.Rule, at int64, want error) {
		t.Helper()
		if err := s.Merge(batch, at); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	merge("all at once", list(0, most, 100), now, nil)
	merge("the same again", list(0, most, 100), now, nil)
	merge("one more", list(most, most+1, 100), now, rules.ErrTooMany)
	merge("the same after they expired, and for longer", list(0, most, 500), now+200, nil)
	merge("one more of those", list(0, most+1, 500), now+200, rules.ErrTooMany)
	merge("others after all expired", list(most, 2*most, 900), now+600, nil)
	if s.Len() != most {
		t.Errorf("%d rules", s.Len())
	}
	k := rules.Keys{rules.Session: key(rule.Session, fmt.Sprint(most))}
	if got := s.Table().Check(&k, issuerKey, rules.Standing{Revision: 1}); got != rules.Revoked {
		t.Errorf("a rule of the last batch: %v", got)
	}
}

// TestKinds: each kind against a token that is older than the rule, as old, and
// newer; a key is no question of age.
func TestKinds(t *testing.T) {
	values := map[rule.Kind]string{
		rule.Token: "jti", rule.Session: "sid", rule.Account: "ana", rule.Client: "shop",
		rule.AccountAtClient: rule.Pair("ana", "shop"), rule.Key: "kid", rule.Issuer: "https://issuer.test",
	}
	for kind, value := range values {
		s := merged(t, []rules.Rule{about(kind, value, 50), about(kind, "somebody else", 90)})
		want := []rules.Verdict{rules.Revoked, rules.Revoked, rules.Stands, rules.Stands}
		if kind == rule.Key {
			want = []rules.Verdict{rules.Revoked, rules.Revoked, rules.Revoked, rules.Revoked}
		}
		got := []rules.Verdict{check(s, 0), check(s, 49), check(s, 50), check(s, 51)}
		if !slices.Equal(got, want) {
			t.Errorf("%s: older, just older, equal, newer: %v, want %v", kind, got, want)
		}
	}
}

// TestRoot: a rule about a session refuses the tokens of the session, and those
// that have it as their root; and nothing but their root and their session.
func TestRoot(t *testing.T) {
	for value, want := range map[string]rules.Verdict{"sid": rules.Revoked, "root": rules.Revoked, "other": rules.Stands} {
		s := merged(t, []rules.Rule{about(rule.Session, value, 50)})
		if got := []rules.Verdict{check(s, 49), check(s, 50)}; !slices.Equal(got, []rules.Verdict{want, rules.Stands}) {
			t.Errorf("%s: older and newer: %v", value, got)
		}
		top := rules.Keys{rules.Session: key(rule.Session, "root")}
		refused := s.Table().Check(&top, issuerKey, rules.Standing{}) == rules.Revoked
		if refused != (value == "root") {
			t.Errorf("%s: a token of the root itself is refused: %v", value, refused)
		}
	}
}

// TestTwoCutOffs: of two rules about one thing the later counts, whichever came
// first; of a hard and a soft one each for the tokens that are older than it.
func TestTwoCutOffs(t *testing.T) {
	early, late := about(rule.Account, "ana", 10), about(rule.Account, "ana", 20)
	session := about(rule.Session, "sid", 30)
	for _, order := range [][]rules.Rule{{early, late}, {late, early}, {late, early, late}} {
		s := merged(t, order)
		if check(s, 15) != rules.Revoked || check(s, 20) != rules.Stands || s.Len() != 1 {
			t.Errorf("%v: %v %v, %d rules", order, check(s, 15), check(s, 20), s.Len())
		}
		s = merged(t, order, []rules.Rule{session})
		if check(s, 25) != rules.Revoked || check(s, 30) != rules.Stands {
			t.Error("the session's own cut-off does not count")
		}
	}
	for _, order := range [][]rules.Rule{{early, soft(late)}, {soft(late), early}} {
		s := merged(t, order)
		if got := []rules.Verdict{check(s, 5), check(s, 15), check(s, 25)}; !slices.Equal(got, []rules.Verdict{rules.Revoked, rules.Soft, rules.Stands}) {
			t.Errorf("hard at 10, soft at 20: %v", got)
		}
	}
	s := merged(t, []rules.Rule{soft(about(rule.Token, "jti", 9)), about(rule.Issuer, "https://issuer.test", 9)})
	if got := check(s, 1); got != rules.Revoked {
		t.Errorf("a soft and a hard rule: %v", got)
	}
}

// TestForeignTokens do not say what their issuer knew of the log: their own
// time decides, with a second for the clocks.
func TestForeignTokens(t *testing.T) {
	early, late := about(rule.Account, "ana", 10), about(rule.Account, "ana", 20)
	for _, order := range [][]rules.Rule{{early, late}, {late, early}} {
		s := merged(t, order)
		foreign := func(issuedAt int64) rules.Verdict {
			return s.Table().Check(&keys, issuerKey, rules.Standing{Revision: -1, IssuedAt: issuedAt})
		}
		if foreign(now+20) != rules.Revoked || foreign(now+21) != rules.Revoked || foreign(now+22) != rules.Stands {
			t.Errorf("at the second of the rule and after: %v %v %v", foreign(now+20), foreign(now+21), foreign(now+22))
		}
	}
	if check(merged(t, []rules.Rule{early}), 0) != rules.Revoked {
		t.Error("a token that knew nothing of the log counts as one that does not say")
	}
	// Its own time counts only for a token that does not say.
	young := rules.Standing{Revision: 0, IssuedAt: now + 1000}
	if got := merged(t, []rules.Rule{early}).Table().Check(&keys, issuerKey, young); got != rules.Revoked {
		t.Errorf("a token that knew nothing of the log, issued after the rule: %v", got)
	}
}

// TestEpochs: a place of a later epoch is later, whatever its number; with more
// epochs than there is room for, older rules refuse more and never less.
func TestEpochs(t *testing.T) {
	s := merged(t, []rules.Rule{about(rule.Account, "ana", rule.Seq(2, 1))}, []rules.Rule{about(rule.Session, "sid", rule.Seq(1, 9))})
	if check(s, rule.Seq(1, 4_000_000)) != rules.Revoked || check(s, rule.Seq(2, 1)) != rules.Stands {
		t.Error("epochs are not in order")
	}
	s = rules.NewSet()
	for e := int64(40); e > 0; e-- { // the oldest last
		if err := s.Merge([]rules.Rule{about(rule.Token, fmt.Sprint(e), rule.Seq(e, 7))}, now); err != nil {
			t.Fatal(err)
		}
	}
	for e := int64(1); e <= 40; e++ {
		k := rules.Keys{rules.Token: key(rule.Token, fmt.Sprint(e))}
		if s.Table().Check(&k, issuerKey, rules.Standing{Revision: rule.Seq(e, 6)}) != rules.Revoked {
			t.Errorf("epoch %d is forgotten", e)
		}
	}
}

// TestEpochsOfOneBatch: a table that is made anew while a batch of several
// epochs goes in does not forget those of which it holds no rule yet; else a rule
// of an old epoch would refuse tokens of the next.
func TestEpochsOfOneBatch(t *testing.T) {
	many := func(n int) (list []rules.Rule) {
		for i := range n {
			list = append(list, about(rule.Token, fmt.Sprint(i), rule.Seq(2, int64(i+1))))
		}
		return list
	}
	old := about(rule.Session, "sid", rule.Seq(1, 400))
	for what, s := range map[string]*rules.Set{
		"while it grows":         merged(t, append(many(300), old)),
		"after it was left":      merged(t, []rules.Rule{about(rule.Token, "0", rule.Seq(1, 1))}, many(1), append(many(300), old)),
		"beside one that is new": merged(t, []rules.Rule{about(rule.Token, "0", rule.Seq(1, 1))}, many(1), []rules.Rule{about(rule.Token, "1", rule.Seq(3, 1)), old}),
	} {
		if check(s, rule.Seq(1, 399)) != rules.Revoked || check(s, rule.Seq(2, 0)) != rules.Stands {
			t.Errorf("%s: a rule of epoch 1 at 400 refuses tokens of epoch 2", what)
		}
	}
}

func sorted(s *rules.Set) []rules.Rule {
	all := slices.Collect(s.Table().Rules)
	slices.SortFunc(all, func(a, b rules.Rule) int {
		x, y := a.Key.Hash(), b.Key.Hash()
		return cmp.Or(slices.Compare(x[:], y[:]), cmp.Compare(a.Seq, b.Seq))
	})
	return all
}

// TestOrderDoesNotMatter: any permutation, duplication, partition or cut by a
// snapshot of one log yields the same table.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.IntRange(1, 300).Draw(t, "values")
		log := []rules.Rule{}
		for i := range rapid.IntRange(1, 600).Draw(t, "length") {
			epoch := int64(1 + i/200)
			r := about(rule.Session, fmt.Sprint(rapid.IntRange(0, values).Draw(t, "value")), rule.Seq(epoch, int64(i+1)))
			r.At = now + int64(i/7)
			r.Prune, r.Soft = now+int64(rapid.IntRange(1, 5000).Draw(t, "prune")), rapid.Bool().Draw(t, "soft")
			log = append(log, r)
		}
		want := sorted(merged(t, log))
		shuffled := append(slices.Clone(log), rapid.SliceOfN(rapid.SampledFrom(log), 0, 100).Draw(t, "again")...)
		shuffled = rapid.Permutation(shuffled).Draw(t, "order")
		got := merged(t)
		for len(shuffled) > 0 {
			n := rapid.IntRange(1, len(shuffled)).Draw(t, "batch")
			if err := got.Merge(shuffled[:n], now); err != nil {
				t.Fatal(err)
			}
			shuffled = shuffled[n:]
		}
		if diff := gocmp.Diff(want, sorted(got), gocmp.AllowUnexported(rules.Key{})); diff != "" {
			t.Fatalf("another order: %s", diff)
		}
		cut := rapid.IntRange(0, len(log)).Draw(t, "cut")
		snapshot := slices.Collect(merged(t, log[:cut]).Table().Rules)
		if diff := gocmp.Diff(want, sorted(merged(t, snapshot, log[cut:])), gocmp.AllowUnexported(rules.Key{})); diff != "" {
			t.Fatalf("after a snapshot: %s", diff)
		}
	})
}

// TestPrune: no rule leaves before its time, and each does when there is cause
// to make the table anew; a rule that is merged again stays for the longer.
func TestPrune(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rules.NewSet()
		until := map[string]int64{}
		for at := int64(now); at < now+4000; at += 100 {
			var batch []rules.Rule
			for range rapid.IntRange(0, 40).Draw(t, "rules") {
				value := fmt.Sprint(rapid.IntRange(0, 500).Draw(t, "value"))
				r := about(rule.Token, value, at)
				r.Prune = at + int64(rapid.IntRange(1, 1500).Draw(t, "life"))
				until[value] = max(until[value], r.Prune)
				batch = append(batch, r)
			}
			if err := s.Merge(batch, at); err != nil {
				t.Fatal(err)
			}
			s.Sweep(at)
			for value, prune := range until {
				k := rules.Keys{rules.Token: key(rule.Token, value)}
				if prune > at && s.Table().Check(&k, issuerKey, rules.Standing{Revision: now - 1}) != rules.Revoked {
					t.Fatalf("%s is gone %d seconds too early", value, prune-at)
				}
			}
		}
		if s.Sweep(now + 9000); s.Len() != 0 {
			t.Fatalf("%d rules stay for ever", s.Len())
		}
	})
	far := about(rule.Account, "ana", 5)
	far.Prune = 1 << 50
	s := merged(t, []rules.Rule{far})
	if s.Sweep(1 << 40); check(s, 1) != rules.Revoked {
		t.Error("a rule without end is gone")
	}
}

// TestAgainstAMap: what the table says is what an ordinary map would, at any
// size, and nothing is said of what is not there.
func TestAgainstAMap(t *testing.T) {
	s, want := rules.NewSet(), map[string]int64{}
	for i := range int64(20_000) {
		value := fmt.Sprint(rand.IntN(15_000))
		want[value] = i + 1
		r := about(rule.Account, value, i+1)
		r.At = now + i/100
		if err := s.Merge([]rules.Rule{r}, now); err != nil {
			t.Fatal(err)
		}
	}
	if s.Len() != len(want) {
		t.Errorf("%d rules, want %d", s.Len(), len(want))
	}
	for i := range 30_000 {
		value := fmt.Sprint(i)
		k := rules.Keys{rules.Account: key(rule.Account, value)}
		ask := func(revision int64) bool {
			return s.Table().Check(&k, issuerKey, rules.Standing{Revision: revision}) == rules.Revoked
		}
		if seq, ok := want[value]; ok != ask(0) || ok && (!ask(seq-1) || ask(seq)) {
			t.Fatalf("%s: cut-off %d", value, seq)
		}
	}
	if perRule := float64(s.Size()) / float64(s.Len()); perRule > 60 {
		t.Errorf("%.1f bytes a rule, want 60 at most", perRule)
	}
}

// TestReadersNeverMiss what was merged before they asked, while the table grows
// and is swept.
func TestReadersNeverMiss(t *testing.T) {
	s := merged(t, []rules.Rule{about(rule.Account, "ana", 1<<40)})
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if check(s, 0) != rules.Revoked {
					t.Error("missed")
					return
				}
			}
		})
	}
	for i := range int64(5_000) {
		r := about(rule.Session, fmt.Sprint(i), i+1)
		r.Prune = now + i/10
		if err := s.Merge([]rules.Rule{r, about(rule.Account, "ana", i+1)}, now+i/10); err != nil {
			t.Error(err)
		}
		s.Sweep(now + i/10)
	}
	close(stop)
	readers.Wait()
}

func TestParse(t *testing.T) {
	good := `{"seq":4294967297,"kind":"uc","h":"AAECAwQFBgcICQoLDA0ODw","t":1800000000,"x":1800000960,"mode":"soft"}`
	want := rules.Rule{Seq: 1<<32 + 1, Key: rules.KeyOf([16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}),
		At: 1_800_000_000, Prune: 1_800_000_960, Kind: rules.KindOf("uc"), Soft: true}
	var w api.FeedRule
	if err := json.Unmarshal([]byte(good), &w); err != nil {
		t.Fatal(err)
	}
	for what, line := range map[string]string{
		"as Portaria writes it": good, "with spaces": strings.ReplaceAll(good, ":", ": "),
		"another order": `{"kind":"uc","seq":4294967297,` + good[len(`{"seq":4294967297,"kind":"uc",`):],
	} {
		if got, err := rules.Parse([]byte(line)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	if diff := gocmp.Diff(w, want.Wire()); diff != "" {
		t.Error(diff)
	}
	for from, to := range map[string]string{
		`"AAEC`: `"AAE`, `ODw"`: `ODx"`, `AAECAwQFBgcICQoLDA0ODw`: `AAAAAAAAAAAAAAAAAAAAAA`, `AwQ`: `A+Q`, `4294967297`: `0`, `:4294967297`: `:-1`, `4294967297,`: `9007199254740993,`, `}`: ``,
	} {
		if r, err := rules.Parse([]byte(strings.Replace(good, from, to, 1))); !errors.Is(err, rules.ErrRule) {
			t.Errorf("%s for %s: %+v, %v", to, from, r, err)
		}
	}
	if r, err := rules.Parse([]byte(strings.Replace(good, "soft", "new", 1))); err != nil || r.Soft {
		t.Errorf("a mode that is not known must be hard: %+v, %v", r, err)
	}
	for _, kind := range []string{"t", "s", "u", "c", "k", "i", "uc"} {
		if got := rules.KindOf(kind).String(); got != kind {
			t.Errorf("%q becomes %q", kind, got)
		}
	}
	if k := rules.KindOf("new"); k != 0 || k.String() != "" {
		t.Errorf("an unknown kind: %v", k)
	}
}

// TestParseTakesNoMemory: the fast way reads the lines that Portaria writes. The
// strict one, which reads all others, allocates.
func TestParseTakesNoMemory(t *testing.T) {
	for _, kind := range []string{"t", "s", "u", "c", "k", "i", "uc"} {
		for _, mode := range []string{"hard", "soft"} {
			line := fmt.Appendf(nil, `{"seq":9007199254740991,"kind":%q,"h":"AAECAwQFBgcICQoLDA0ODw","t":1800000000,"x":0,"mode":%q}`, kind, mode)
			if n := testing.AllocsPerRun(10, func() {
				if _, err := rules.Parse(line); err != nil {
					t.Error(err)
				}
			}); n != 0 {
				t.Errorf("%s: %v allocations", line, n)
			}
		}
	}
}

// TestLimitsOfALine: the greatest value is read, one more is refused, whether
// the fast way reads the line or the strict one.
func TestLimitsOfALine(t *testing.T) {
	for seq, want := range map[string]bool{"1": true, "9007199254740991": true, "9007199254740992": false, "0": false} {
		for _, space := range []string{"", " "} {
			line := `{"seq":` + space + seq + `,"kind":"s","h":"AAECAwQFBgcICQoLDA0ODw","t":1,"x":2,"mode":"hard"}`
			if r, err := rules.Parse([]byte(line)); (err == nil) != want {
				t.Errorf("%s: %+v, %v", line, r, err)
			}
		}
	}
}

// TestSize: the memory is that of the slots (24 bytes), the words of the filter
// (8) and the times (16).
func TestSize(t *testing.T) {
	s := rules.NewSet()
	if got, want := s.Size(), 256*24+17*8; got != want {
		t.Errorf("empty: %d bytes, want %d", got, want)
	}
	many := make([]rules.Rule, 1000)
	for i := range many {
		many[i] = rules.Rule{Seq: int64(i + 1), Key: hash(i), Kind: 2, At: now, Prune: now + 1000}
	}
	s = merged(t, many)
	if got, want := s.Size(), 2200*24+138*8+16; got != want {
		t.Errorf("a thousand: %d bytes, want %d", got, want)
	}
	if s.Len() != 1000 {
		t.Errorf("%d rules", s.Len())
	}
}

// FuzzParse: the fast way and the strict one never disagree.
func FuzzParse(f *testing.F) {
	const good = `{"seq":1,"kind":"s","h":"AAECAwQFBgcICQoLDA0ODw","t":1,"x":2,"mode":"hard"}`
	for n := range len(good) + 1 {
		f.Add([]byte(good[:n]))
	}
	f.Add([]byte(`{"seq":01,"kind":"s","h":"AAECAwQFBgcICQoLDA0ODw","t":1,"x":2,"mode":"hard"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		got, err := rules.Parse(line)
		var w api.FeedRule
		if json.Unmarshal(line, &w) != nil {
			if err == nil {
				t.Fatalf("%q: no JSON, and %+v", line, got)
			}
			return
		}
		want, wantErr := rules.Of(w)
		if (err == nil) != (wantErr == nil) || got != want {
			t.Fatalf("%q: %+v %v, want %+v %v", line, got, err, want, wantErr)
		}
	})
}

// hash is a fast one, for many rules.
func hash(i int) rules.Key {
	sum := sha256.Sum256(fmt.Append(nil, i))
	return rules.KeyOf([16]byte(sum[:16]))
}

const million = 1_000_000

func manyRules() []rules.Rule {
	many := make([]rules.Rule, million)
	for i := range many {
		many[i] = rules.Rule{Seq: rule.Seq(1, int64(i+1)), Key: hash(i), Kind: 2, At: now + int64(i)/100, Prune: now + 900 + int64(i)/100}
	}
	return many
}

// BenchmarkCheck looks six keys up among a million rules, of many tokens in
// turn, and none, one in a hundred, or all of which is revoked. A child is a token
// with a root, and so with seven keys.
func BenchmarkCheck(b *testing.B) {
	s := merged(b, manyRules())
	b.Logf("%.1f bytes a rule", float64(s.Size())/million)
	for name, every := range map[string]int{"none": 1 << 40, "few": 100, "all": 1, "child": 1 << 40} {
		b.Run(name, func(b *testing.B) {
			tokens := make([]rules.Keys, 1<<16)
			for i := range tokens {
				for j := range tokens[i] {
					if j != rules.Root || name == "child" {
						tokens[i][j] = hash(million + rand.IntN(million*10))
					}
				}
				if i%every == every-1 {
					tokens[i][rules.Session] = hash(rand.IntN(million))
				}
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				if v := s.Table().Check(&tokens[i&(1<<16-1)], issuerKey, rules.Standing{Revision: 1}); v == rules.Soft {
					b.Fatal(v)
				}
			}
			b.ReportMetric(float64(s.Size())/million, "B/rule") // not before: the loop begins by forgetting it
		})
	}
}

// BenchmarkSnapshot reads the lines of a million rules and makes their table.
func BenchmarkSnapshot(b *testing.B) {
	var lines []byte
	for _, r := range manyRules() {
		line, err := json.Marshal(r.Wire())
		if err != nil {
			b.Fatal(err)
		}
		lines = append(append(lines, line...), '\n')
	}
	b.SetBytes(int64(len(lines)))
	for b.Loop() {
		all := make([]rules.Rule, 0, million)
		for line := range strings.Lines(string(lines)) {
			r, err := rules.Parse([]byte(line[:len(line)-1]))
			if err != nil {
				b.Fatal(err)
			}
			all = append(all, r)
		}
		if s := merged(b, all); s.Len() != million {
			b.Fatal(s.Len())
		}
	}
}
