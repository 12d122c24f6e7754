package httpapi_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/revoke/rule"
)

// follower is a service that may read the log; writer may write it.
func follower(t *testing.T, a *apptest.App) *client.Client {
	t.Helper()
	return scoped(t, a, "orders", api.RevocationReadScope)
}

func scoped(t *testing.T, a *apptest.App, id, scope string) *client.Client {
	t.Helper()
	c := described(id, "service")
	c.Scopes = []string{scope}
	return a.AsClient(id, registered(t, a, c))
}

// stream is an open feed.
type stream struct {
	t      *testing.T
	events <-chan event
	body   io.Closer
}

type event struct{ kind, id, data string }

// openFeed follows as an administrator would.
func openFeed(t *testing.T, a *apptest.App, query string, headers ...string) *stream {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(stop)
	r, err := http.NewRequestWithContext(ctx, "GET", a.URL+"/rev/v1/feed"+query, nil)
	worked(t, err)
	r.Header.Set("Authorization", "Bearer "+a.AdminToken())
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	worked(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" ||
		resp.Header.Get("X-Accel-Buffering") != "no" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	events := make(chan event, 100)
	go read(resp.Body, events)
	return &stream{t, events, resp.Body}
}

func read(body io.Reader, events chan<- event) {
	defer close(events)
	var e event
	for lines := bufio.NewScanner(body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "event":
			e.kind = value
		case "id":
			e.id = value
		case "data":
			e.data = value
		case "":
			events <- e
			e = event{}
		}
	}
}

// next is the next event that is no heartbeat.
func (s *stream) next(kind string, into any) event {
	s.t.Helper()
	for e := range s.events {
		if e.kind == api.FrameHeartbeat && kind != e.kind {
			continue
		}
		if e.kind != kind {
			s.t.Fatalf("got %+v, want %s", e, kind)
		}
		if into != nil {
			worked(s.t, json.Unmarshal([]byte(e.data), into))
		}
		return e
	}
	s.t.Fatalf("the feed ended, want %s", kind)
	return event{}
}

// greeted reads what every feed begins with.
func (s *stream) greeted() (hello api.FeedHello) {
	s.t.Helper()
	s.next(api.FrameHello, &hello)
	s.next(api.FrameKeySet, nil)
	return hello
}

func revoked(t *testing.T, c *client.Client, target api.Target) api.Receipt {
	t.Helper()
	receipt, err := c.Revoke(t.Context(), api.Revoke{Target: target}, 0)
	worked(t, err)
	return receipt
}

func TestFeed(t *testing.T) {
	a := apptest.Start(t)
	first := revoked(t, a.Admin(), api.Target{Token: "before"})
	s := openFeed(t, a, "")
	hello := s.greeted()
	if hello.Epoch != 1 || hello.Head != first.Seq || hello.Floor != 0 {
		t.Errorf("%+v", hello)
	}
	var rules api.FeedRules
	s.next(api.FrameRules, &rules)
	if rules.From != 0 || rules.To != first.Seq || len(rules.Rules) != 1 {
		t.Errorf("%+v", rules)
	}
	var hb api.FeedHeartbeat
	s.next(api.FrameHeartbeat, &hb)
	if hb.Head != first.Seq || hb.Age > 0 || hb.Age < -1000 {
		t.Errorf("the first heartbeat: %+v", hb)
	}
	second := revoked(t, a.Admin(), api.Target{Kind: "token", ID: "after"})
	id := s.next(api.FrameRules, &rules).id
	salt, err := base64.RawURLEncoding.DecodeString(hello.Salt)
	worked(t, err)
	h := rule.Hash(salt, rule.Token, a.URL, "after")
	if rules.From != first.Seq || rules.To != second.Seq || id != strconv.FormatInt(second.Seq, 10) || len(rules.Rules) != 1 ||
		rules.Rules[0].Hash != base64.RawURLEncoding.EncodeToString(h[:]) || rules.Rules[0].Kind != "t" || rules.Rules[0].Mode != "hard" {
		t.Errorf("%+v, id %s", rules, id)
	}
	s.next(api.FrameHeartbeat, &hb)
	if hb.Head != second.Seq || hb.Age < 0 || hb.Age > 5000 {
		t.Errorf("a later heartbeat: %+v", hb)
	}
}

func TestFeedResumes(t *testing.T) {
	a := apptest.Start(t)
	first := revoked(t, a.Admin(), api.Target{Token: "a"})
	second := revoked(t, a.Admin(), api.Target{Token: "b"})
	place := strconv.FormatInt(first.Seq, 10)
	for _, s := range []*stream{openFeed(t, a, "?after="+place), openFeed(t, a, "", "Last-Event-ID", place)} {
		s.greeted()
		var rules api.FeedRules
		s.next(api.FrameRules, &rules)
		if rules.From != first.Seq || rules.To != second.Seq || len(rules.Rules) != 1 {
			t.Errorf("%+v", rules)
		}
	}
	for query, want := range map[string]int{"?after=x": 422, "?after=-1": 422, "?after=9007199254740992": 422, "?since=1": 422, "?after=1&after=2": 422} {
		if resp, text := get(t, a, "/rev/v1/feed"+query, "Authorization", "Bearer "+a.AdminToken()); resp.StatusCode != want {
			t.Errorf("%s: %s %s", query, resp.Status, text)
		}
	}
}

func TestSnapshot(t *testing.T) {
	a := apptest.Start(t)
	const many = 30
	var last api.Receipt
	for i := range many {
		last = revoked(t, a.Admin(), api.Target{Token: "t" + strconv.Itoa(i)})
	}
	for _, encoding := range []string{"gzip", "identity"} {
		resp, text := get(t, a, "/rev/v1/snapshot", "Authorization", "Bearer "+a.AdminToken(), "Accept-Encoding", encoding)
		body := io.Reader(strings.NewReader(text))
		if encoding == "gzip" {
			unpacked, err := gzip.NewReader(body)
			worked(t, err)
			body = unpacked
		}
		dec := json.NewDecoder(body)
		var head api.Snapshot
		worked(t, dec.Decode(&head))
		count := 0
		for ; dec.More(); count++ {
			var rule api.FeedRule
			worked(t, dec.Decode(&rule))
		}
		if count != many || head.Head != last.Seq || head.Age < 0 || head.Age > 1000 || !strings.Contains(string(head.KeySet), "keys") {
			t.Errorf("%s: %d rules, %+v", encoding, count, head)
		}
		etag := resp.Header.Get("ETag")
		if etag != `"`+strconv.FormatInt(last.Seq, 10)+`"` {
			t.Errorf("ETag %s", etag)
		}
		again, _ := get(t, a, "/rev/v1/snapshot", "Authorization", "Bearer "+a.AdminToken(), "If-None-Match", etag)
		if again.StatusCode != http.StatusNotModified {
			t.Error(again.Status)
		}
	}
}

func TestPoll(t *testing.T) {
	a := apptest.Start(t)
	c := follower(t, a)
	kinds := func(f api.Frames) (s string) {
		for _, frame := range f.Frames {
			s += frame.Type + " "
		}
		return s
	}
	now, err := c.Poll(t.Context(), api.Poll{})
	worked(t, err)
	var hello api.FeedHello
	worked(t, json.Unmarshal(now.Frames[0].Data, &hello))
	// An answer comes as soon as there is news.
	answers := make(chan api.Frames)
	go func() {
		got, err := c.Poll(context.Background(), api.Poll{After: hello.Head, Wait: 20})
		if err != nil {
			t.Error(err)
		}
		answers <- got
	}()
	receipt := revoked(t, a.Admin(), api.Target{Token: "a"})
	got := <-answers
	if kinds(got) != "hello rev jwks hb " {
		t.Error(kinds(got))
	}
	var rules api.FeedRules
	worked(t, json.Unmarshal(got.Frames[1].Data, &rules))
	if rules.From != hello.Head || rules.To != receipt.Seq {
		t.Errorf("%+v", rules)
	}
	ahead, err := c.Poll(t.Context(), api.Poll{After: rule.Seq(900_000, 1)})
	worked(t, err)
	if kinds(ahead) != "reset jwks hb " {
		t.Error(kinds(ahead))
	}
}

func TestWhoMayFollowAndWrite(t *testing.T) {
	a := apptest.Start(t)
	reader, writer := follower(t, a), scoped(t, a, "panic", api.RevocationWriteScope)
	_, person := a.SignUp("ana@example.com")
	_, err := reader.Poll(t.Context(), api.Poll{})
	worked(t, err)
	_, err = writer.Poll(t.Context(), api.Poll{})
	refused(t, err, "insufficient_scope")
	_, err = a.As(person).Poll(t.Context(), api.Poll{})
	refused(t, err, "insufficient_scope")
	target := api.Revoke{Target: api.Target{Token: "a"}}
	_, err = reader.Revoke(t.Context(), target, 0)
	refused(t, err, "insufficient_scope")
	_, err = a.AsClient("orders", "wrong").Poll(t.Context(), api.Poll{})
	if client.Code(err) == "" {
		t.Error(err)
	}
	receipt, err := writer.Revoke(t.Context(), target, 0)
	worked(t, err)
	if _, err := writer.Receipt(t.Context(), receipt.Seq); err != nil {
		t.Error(err)
	}
	_, err = writer.Receipt(t.Context(), receipt.Seq+1)
	refused(t, err, "rule_not_found")
}

// A stream does not outlive what let its client in: a rule about the client ends
// it at once, and whatever writes no rule within seconds.
func TestFeedOfABarredClientEnds(t *testing.T) {
	for name, bar := range map[string]func(*client.Client) error{
		"disabled": func(c *client.Client) error { return c.DisableClient(context.Background(), "orders") },
		"deleted":  func(c *client.Client) error { return c.DeleteClient(context.Background(), "orders") },
		"another secret": func(c *client.Client) error {
			_, err := c.RotateClientSecret(context.Background(), "orders")
			return errors.Join(err, c.DropClientSecret(context.Background(), "orders"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := apptest.Start(t)
			d := described("orders", "service")
			d.Scopes = []string{api.RevocationReadScope}
			basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("orders:"+registered(t, a, d)))
			s, other := openFeed(t, a, "", "Authorization", basic), openFeed(t, a, "")
			s.greeted()
			worked(t, bar(a.Admin()))
			began := time.Now()
			for range s.events {
			}
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("ends after %v", took)
			}
			other.greeted()
			receipt := revoked(t, a.Admin(), api.Target{Token: "a"})
			for rules := (api.FeedRules{}); rules.To < receipt.Seq; {
				other.next(api.FrameRules, &rules)
			}
		})
	}
}

func kidOf(t *testing.T, tokens api.Tokens) string {
	t.Helper()
	text, _, _ := strings.Cut(tokens.AccessToken, ".")
	header, err := base64.RawURLEncoding.DecodeString(text)
	worked(t, err)
	var h struct{ Kid string }
	worked(t, json.Unmarshal(header, &h))
	return h.Kid
}

// A key that replaces a killed one signs at once, so followers have it within
// milliseconds and not with the next beat.
func TestFeedTellsOfKeysAtOnce(t *testing.T) {
	a := apptest.Start(t)
	s := openFeed(t, a, "")
	s.greeted()
	s.next(api.FrameRules, nil)
	_, tokens := a.SignUp("ana@example.com")
	for range 2 {
		s.next(api.FrameHeartbeat, nil) // a beat has just been
	}
	killed := kidOf(t, tokens)
	revoked(t, a.Admin(), api.Target{Key: killed})
	began, kid := time.Now(), killed
	for kid == killed {
		tokens, err := a.Login(t.Context(), api.Credentials{Identifier: "ana@example.com", Password: apptest.Password})
		if err == nil {
			kid = kidOf(t, tokens)
		} else if client.Code(err) != "signing_key_unavailable" {
			t.Fatal(err)
		}
	}
	for e := range s.events {
		if e.kind == api.FrameKeySet && strings.Contains(e.data, kid) && !strings.Contains(e.data, killed) {
			break
		}
	}
	if took := time.Since(began); took > 900*time.Millisecond {
		t.Errorf("after %v", took)
	}
}

func TestReceipts(t *testing.T) {
	a := apptest.Start(t)
	c := follower(t, a)
	lone := revoked(t, a.Admin(), api.Target{Token: "a"})
	if want := a.Clock.Now().Add(10 * time.Second); lone.Confirmed+lone.Pending != 0 || !lone.EffectiveBy.Equal(want) {
		t.Errorf("%+v", lone)
	}
	ack := api.Ack{Verifier: "v1", Seq: lone.Seq, Staleness: 30_000, WhenStale: "refuse"}
	worked(t, c.Ack(t.Context(), ack))
	other := api.Ack{Verifier: "v2", Seq: lone.Seq, Staleness: 5_000, WhenStale: "open"}
	worked(t, c.Ack(t.Context(), other))
	receipt := revoked(t, a.Admin(), api.Target{Token: "b"})
	if want := a.Clock.Now().Add(30 * time.Second); receipt.Confirmed != 0 || receipt.Pending != 2 ||
		!receipt.EffectiveBy.Equal(want) || len(receipt.Open) != 1 || receipt.Open[0] != "orders/v2" {
		t.Errorf("%+v", receipt)
	}
	ack.Seq = receipt.Seq
	worked(t, c.Ack(t.Context(), ack))
	unsent, err := a.Admin().Receipt(t.Context(), receipt.Seq)
	worked(t, err)
	if unsent.Confirmed != 0 || unsent.Pending != 2 {
		t.Errorf("it was sent nothing: %+v", unsent)
	}
	_, err = c.Poll(t.Context(), api.Poll{After: lone.Seq, Verifier: "v1"})
	worked(t, err)
	receipt, err = a.Admin().Receipt(t.Context(), receipt.Seq)
	worked(t, err)
	if receipt.Confirmed != 1 || receipt.Pending != 1 {
		t.Errorf("%+v", receipt)
	}
	a.Clock.Move(time.Minute)
	if receipt, err = a.Admin().Receipt(t.Context(), receipt.Seq); err != nil || receipt.Silent != 1 || receipt.Pending != 0 {
		t.Errorf("%+v, %v", receipt, err)
	}
	list, err := a.Admin().Verifiers(t.Context())
	worked(t, err)
	if len(list.Verifiers) != 2 || list.Verifiers[0].Behind != 0 || list.Verifiers[1].Behind != 1 || !list.Verifiers[1].Silent {
		t.Errorf("%+v", list)
	}
	// Who would trust its view for too long is told so.
	ack.Staleness = 61_000
	refused(t, c.Ack(t.Context(), ack), "staleness_too_great")
	_, err = c.Poll(t.Context(), api.Poll{Ack: &ack})
	refused(t, err, "staleness_too_great")
}

// An ack of a place that the log has not come to would confirm what nobody has
// written yet.
func TestImpossibleAcks(t *testing.T) {
	a := apptest.Start(t)
	c := follower(t, a)
	head := revoked(t, a.Admin(), api.Target{Token: "a"}).Seq
	ack := api.Ack{Verifier: "v1", Seq: head, Staleness: 10_000, WhenStale: "refuse"}
	worked(t, c.Ack(t.Context(), ack))
	for seq, code := range map[int64]string{head + 1: "revocation_position_invalid", rule.MaxSeq: "revocation_position_invalid",
		rule.MaxSeq + 1: "input_invalid", 1<<63 - 1: "input_invalid", -1: "input_invalid"} {
		ack.Seq = seq
		refused(t, c.Ack(t.Context(), ack), code)
		_, err := c.Poll(t.Context(), api.Poll{After: head, Ack: &ack})
		refused(t, err, code)
	}
	_, err := c.Poll(t.Context(), api.Poll{After: rule.MaxSeq + 1})
	refused(t, err, "input_invalid")
	// One who follows a relay does not silence it.
	ack.Seq, ack.Followers = head, []api.FollowerAck{{Verifier: "liar", Seq: rule.MaxSeq, Staleness: 10_000, WhenStale: "refuse"}}
	worked(t, c.Ack(t.Context(), ack))
	if got := revoked(t, a.Admin(), api.Target{Token: "b"}); got.Confirmed != 0 || got.Pending != 2 {
		t.Errorf("%+v", got)
	}
}

// What is told of limits is what they are.
func TestLimitsOfARevocation(t *testing.T) {
	a := apptest.Start(t)
	ask := func(key, reason string) (int, string) {
		t.Helper()
		body, err := json.Marshal(api.Revoke{Target: api.Target{Token: strings.Repeat("é", 512)}, Reason: reason})
		worked(t, err)
		r, err := http.NewRequestWithContext(t.Context(), "POST", a.URL+"/rev/v1/rules", strings.NewReader(string(body)))
		worked(t, err)
		r.Header.Set("Authorization", "Bearer "+a.AdminToken())
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", key)
		resp, text := a.Do(r)
		return resp.StatusCode, text
	}
	tests := map[string]struct {
		key, reason string
		want        string // in the answer; empty: it is written
	}{
		"the longest":       {strings.Repeat("é", 255), strings.Repeat("é", 256), ""},
		"a key of bytes":    {"\xff\xfe", "", "UTF-8"},
		"a key of 256":      {strings.Repeat("k", 256), "", "at most 255 characters"},
		"a key with a tab":  {"a\tb", "", "printable"},
		"a reason too long": {"", strings.Repeat("é", 257), "256"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			status, text := ask(test.key, test.reason)
			if test.want == "" && status != 201 || test.want != "" && (status != 422 || !strings.Contains(text, test.want)) {
				t.Errorf("%d %s", status, text)
			}
		})
	}
	events, err := a.Admin().Events(t.Context(), api.EventPage{Type: "revocation.written"})
	worked(t, err)
	if got := events.Events[0].Reason; got != strings.Repeat("é", 256) {
		t.Errorf("the reason became %q", got)
	}
}

// Who begins to follow says for how long it trusts what it hears, and counts
// before it hears it.
func TestFollowersSayTheirLease(t *testing.T) {
	a := apptest.Start(t)
	openFeed(t, a, "?verifier=v1&lease_ms=45000&when_stale=open")
	receipt := revoked(t, a.Admin(), api.Target{Token: "a"})
	if want := a.Clock.Now().Add(45 * time.Second); receipt.Pending != 1 || !receipt.EffectiveBy.Equal(want) || len(receipt.Open) != 1 {
		t.Errorf("%+v, want %v", receipt, want)
	}
	c := follower(t, a)
	_, err := c.Poll(t.Context(), api.Poll{Verifier: "v2", Lease: 50_000, After: receipt.Seq})
	worked(t, err)
	again, err := a.Admin().Receipt(t.Context(), receipt.Seq)
	worked(t, err)
	if want := a.Clock.Now().Add(55 * time.Second); again.Confirmed != 0 || again.Pending != 2 || !again.EffectiveBy.Equal(want) {
		t.Errorf("%+v, want %v", again, want)
	}
	for query, want := range map[string]string{
		"?verifier=v3&lease_ms=61000":       "staleness_too_great",
		"?verifier=v3&lease_ms=-1":          "lease_ms",
		"?verifier=v3&lease_ms=x":           "lease_ms",
		"?lease_ms=1000":                    "verifier",
		"?verifier=%00":                     "verifier",
		"?verifier=v3&when_stale=sometimes": "when_stale",
		"?verifier=v3&verifier=v4":          "verifier",
		"?lease=1":                          "lease",
	} {
		if resp, text := get(t, a, "/rev/v1/feed"+query, "Authorization", "Bearer "+a.AdminToken()); resp.StatusCode != 422 || !strings.Contains(text, want) {
			t.Errorf("%s: %s %s", query, resp.Status, text)
		}
	}
	_, err = c.Poll(t.Context(), api.Poll{Verifier: "v3", Lease: 61_000})
	refused(t, err, "staleness_too_great")
}

// A relay speaks for those behind it; they keep names of their own.
func TestAcksOfRelays(t *testing.T) {
	a := apptest.Start(t)
	c := follower(t, a)
	behind := api.FollowerAck{Verifier: "v1", Staleness: 20_000, WhenStale: "refuse"}
	ack := api.Ack{Verifier: "relay", Staleness: 20_000, WhenStale: "refuse", Followers: []api.FollowerAck{behind}}
	worked(t, c.Ack(t.Context(), api.Ack{Verifier: "v1", Staleness: 10_000, WhenStale: "refuse"}))
	worked(t, c.Ack(t.Context(), ack))
	receipt := revoked(t, a.Admin(), api.Target{Token: "a"})
	if want := a.Clock.Now().Add(20 * time.Second); receipt.Pending != 3 || !receipt.EffectiveBy.Equal(want) {
		t.Errorf("%+v, want %v", receipt, want)
	}
	_, err := c.Poll(t.Context(), api.Poll{Verifier: "relay", Lease: 20_000})
	worked(t, err)
	ack.Followers[0].Seq = receipt.Seq
	worked(t, c.Ack(t.Context(), ack))
	receipt, err = a.Admin().Receipt(t.Context(), receipt.Seq)
	worked(t, err)
	if receipt.Confirmed != 1 || receipt.Pending != 2 {
		t.Errorf("%+v", receipt)
	}
	ack.Followers[0].Staleness = 61_000
	refused(t, c.Ack(t.Context(), ack), "staleness_too_great")
}

func TestReceiptWaitsForTheFleet(t *testing.T) {
	a := apptest.Start(t)
	c := a.Admin() // openFeed follows as the same client
	ack := api.Ack{Verifier: "v1", Staleness: 10_000, WhenStale: "refuse"}
	worked(t, c.Ack(t.Context(), ack))
	s := openFeed(t, a, "?verifier=v1")
	s.greeted()
	go func() {
		var rules api.FeedRules
		s.next(api.FrameRules, &rules) // the way from 0 to where the log begins
		s.next(api.FrameRules, &rules)
		ack.Seq = rules.To
		if err := c.Ack(context.Background(), ack); err != nil {
			t.Error(err)
		}
	}()
	receipt, err := a.Admin().Revoke(t.Context(), api.Revoke{Target: api.Target{Token: "a"}}, 15*time.Second)
	worked(t, err)
	if receipt.Confirmed != 1 || receipt.Pending != 0 {
		t.Errorf("%+v", receipt)
	}
}

func TestIdempotencyKey(t *testing.T) {
	a := apptest.Start(t)
	in := api.Revoke{Target: api.Target{Token: "a"}, IdempotencyKey: "k"}
	first, err := a.Admin().Revoke(t.Context(), in, 0)
	worked(t, err)
	again, err := a.Admin().Revoke(t.Context(), in, 0)
	worked(t, err)
	if again.Seq != first.Seq {
		t.Errorf("%+v, then %+v", first, again)
	}
	in.Target.Token = "b"
	_, err = a.Admin().Revoke(t.Context(), in, 0)
	refused(t, err, "idempotency_key_reused")
}

func TestTargets(t *testing.T) {
	a := apptest.Start(t)
	id := uuid.NewString()
	for _, good := range []api.Target{
		{Token: "a"}, {Session: id}, {Account: id}, {Client: "orders"}, {Account: id, Client: "orders"}, {Key: "k"},
		{Kind: "token", ID: "a"}, {Kind: "session", ID: id}, {Kind: "account", ID: id}, {Kind: "client", ID: "orders"}, {Kind: "key", ID: "k"},
	} {
		if _, err := a.Admin().Revoke(t.Context(), api.Revoke{Target: good, Unseen: true}, 0); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, bad := range []api.Target{
		{}, {Token: "a", Session: id}, {Session: "x"}, {Account: "ana@example.com"}, {Kind: "token"}, {Kind: "issuer", ID: "x"},
		{Kind: "token", ID: "a", Session: id}, {Issuer: true, Client: "orders"}, {ID: "a"}, {Kind: "floor", ID: "a"},
	} {
		_, err := a.Admin().Revoke(t.Context(), api.Revoke{Target: bad}, 0)
		if client.Code(err) != "input_invalid" {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	_, err := a.Admin().Revoke(t.Context(), api.Revoke{Target: api.Target{Key: "k"}, Mode: "soft"}, 0)
	refused(t, err, "revocation_invalid")
}

// The service's own routes refuse by rules, at once.
func TestOwnRoutesApplyRules(t *testing.T) {
	a := apptest.Start(t)
	id, tokens := a.SignUp("ana@example.com")
	claims := introspected(t, a, tokens.AccessToken)
	me := func() error { _, err := a.As(tokens).Me(t.Context()); return err }
	worked(t, me())
	revoked(t, a.Admin(), api.Target{Token: claims.ID})
	refused(t, me(), "token_revoked")
	tokens = a.SignIn("ana@example.com")
	worked(t, me())
	_, err := a.Admin().Revoke(t.Context(), api.Revoke{Target: api.Target{Account: id}, Mode: "soft"}, 0)
	worked(t, err)
	refused(t, me(), "token_outdated")
	tokens, err = a.Refresh(t.Context(), tokens.RefreshToken)
	worked(t, err)
	worked(t, me())
	revoked(t, a.Admin(), api.Target{Issuer: true})
	if err := me(); err == nil {
		t.Error("a token is good after everything was taken back")
	}
	tokens = a.SignIn("ana@example.com")
	worked(t, me())
}

// introspected asks as a resource server that may read everything.
func introspected(t *testing.T, a *apptest.App, raw string) api.Introspection {
	t.Helper()
	got, err := scoped(t, a, "asker-"+strconv.FormatInt(time.Now().UnixNano(), 36), api.IntrospectionScope).Introspect(t.Context(), raw)
	worked(t, err)
	return got
}

func TestIntrospection(t *testing.T) {
	a := apptest.Start(t)
	id, tokens := a.SignUp("ana@example.com")
	gateway := scoped(t, a, "gateway", api.IntrospectionScope)
	stranger := scoped(t, a, "stranger", "stock:read")
	is := func(c *client.Client, raw string, want bool) api.Introspection {
		t.Helper()
		got, err := c.Introspect(t.Context(), raw)
		worked(t, err)
		if got.Active != want {
			t.Fatalf("%+v", got)
		}
		if !want && (got.Subject != "" || got.ExpiresAt != 0 || got.ClientID != "") {
			t.Errorf("says more than that it is not active: %+v", got)
		}
		return got
	}
	access := is(gateway, tokens.AccessToken, true)
	if access.Subject != id || access.SessionID != tokens.SessionID || access.TokenType != "access_token" || access.Issuer != a.URL || access.ExpiresAt == 0 {
		t.Errorf("%+v", access)
	}
	is(gateway, tokens.RefreshToken, false) // it is not the gateway's
	is(stranger, tokens.AccessToken, false)
	is(stranger, tokens.RefreshToken, false)
	is(gateway, "junk", false)
	is(gateway, tokens.AccessToken+"x", false)
	worked(t, a.As(tokens).Logout(t.Context()))
	is(gateway, tokens.AccessToken, false)
	is(gateway, tokens.RefreshToken, false)
	tokens = a.SignIn("ana@example.com")
	is(gateway, tokens.AccessToken, true)
	a.Clock.Move(time.Hour)
	is(gateway, tokens.AccessToken, false)
	if _, err := a.AsClient("gateway", "wrong").Introspect(t.Context(), tokens.AccessToken); err == nil {
		t.Error("an unproved client learns of a token")
	}
}

func TestRevocationDoor(t *testing.T) {
	a := apptest.Start(t)
	gateway := scoped(t, a, "gateway", api.IntrospectionScope)
	c := billing(t, a)
	granted, err := c.Token(t.Context(), ask)
	worked(t, err)
	active := func(raw string, want bool) {
		t.Helper()
		got, err := gateway.Introspect(t.Context(), raw)
		worked(t, err)
		if got.Active != want {
			t.Errorf("active: %v, want %v", got.Active, want)
		}
	}
	active(granted.AccessToken, true)
	if err := scoped(t, a, "thief", "stock:read").RevokeToken(t.Context(), granted.AccessToken); err == nil {
		t.Error("another client may take the token back")
	}
	active(granted.AccessToken, true)
	worked(t, c.RevokeToken(t.Context(), granted.AccessToken))
	active(granted.AccessToken, false)
	worked(t, c.RevokeToken(t.Context(), granted.AccessToken))
	worked(t, c.RevokeToken(t.Context(), "junk"))
	if err := c.RevokeToken(t.Context(), ""); err == nil {
		t.Error("no token is as good as one")
	}
	// A writer of the log may take back anybody's; a refresh token ends the
	// session. Nobody else's is ended by another client (RFC 7009 §2.1).
	_, tokens := a.SignUp("ana@example.com")
	for id, scope := range map[string]string{"other-thief": "stock:read", "reader": api.RevocationReadScope} {
		if err := scoped(t, a, id, scope).RevokeToken(t.Context(), tokens.RefreshToken); err == nil {
			t.Errorf("%s may end a session that is not its own", id)
		}
	}
	active(tokens.AccessToken, true)
	worked(t, scoped(t, a, "writer", api.RevocationWriteScope).RevokeToken(t.Context(), tokens.RefreshToken))
	active(tokens.AccessToken, false)
	_, err = a.Refresh(t.Context(), tokens.RefreshToken)
	refused(t, err, "session_ended")
}
