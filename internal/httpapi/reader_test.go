package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/revoke/rule"
)

// polled polls with a proof in the header, as a follower that comes back.
func polled(t *testing.T, a *apptest.App, secret string, in api.Poll, proof string) api.Frames {
	t.Helper()
	body, err := json.Marshal(in)
	worked(t, err)
	r, err := http.NewRequestWithContext(t.Context(), "POST", a.URL+"/rev/v1/poll", strings.NewReader(string(body)))
	worked(t, err)
	r.Header.Set("Authorization", basic("orders:"+secret))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(api.PlaceHeader, proof)
	resp, text := a.Do(r)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", resp.Status, text)
	}
	var out api.Frames
	worked(t, json.Unmarshal([]byte(text), &out))
	return out
}

// TestReadersChangeNothing: whatever a client with revocation:read claims, the
// epoch does not rise, nothing is written to the log and no receipt believes it.
func TestReadersChangeNothing(t *testing.T) {
	a := apptest.Start(t)
	d := described("orders", "service")
	d.Scopes = []string{api.RevocationReadScope}
	secret := registered(t, a, d)
	head := revoked(t, a.Admin(), api.Target{Token: "a"}).Seq
	first := polled(t, a, secret, api.Poll{}, "")
	var hb api.FeedHeartbeat
	worked(t, json.Unmarshal(first.Frames[len(first.Frames)-1].Data, &hb))
	if hb.Head != head || !strings.HasPrefix(hb.Proof, strconv.FormatInt(head, 10)+".") {
		t.Fatalf("heartbeat %+v", hb)
	}
	forged := strconv.FormatInt(head+5, 10) + hb.Proof[strings.Index(hb.Proof, "."):]
	for _, after := range []int64{head + 1, head + 5, rule.Seq(1, 700), rule.Seq(2, 0), rule.Seq(17, 1), rule.MaxSeq} {
		place := strconv.FormatInt(after, 10)
		for name, s := range map[string]*stream{
			"after":          openFeed(t, a, "?after="+place+"&verifier=liar-"+place, "Authorization", basic("orders:"+secret)),
			"Last-Event-ID":  openFeed(t, a, "", "Authorization", basic("orders:"+secret), "Last-Event-ID", place),
			"a forged proof": openFeed(t, a, "?after="+place, "Authorization", basic("orders:"+secret), api.PlaceHeader, forged),
			"an old proof":   openFeed(t, a, "?after="+place, "Authorization", basic("orders:"+secret), api.PlaceHeader, hb.Proof),
		} {
			if hello := s.greeted(); hello.Epoch != 1 || hello.Head != head {
				t.Errorf("%s, %d: %+v", name, after, hello)
			}
			s.next(api.FrameReset, nil)
			worked(t, s.body.Close())
		}
		for _, proof := range []string{"", forged, hb.Proof} {
			got := polled(t, a, secret, api.Poll{After: after, Verifier: "liar"}, proof)
			var hello api.FeedHello
			worked(t, json.Unmarshal(got.Frames[0].Data, &hello))
			if got.Frames[0].Type != api.FrameReset || hello.Epoch != 1 || hello.Head != head {
				t.Errorf("%d: %s %+v", after, got.Frames[0].Type, hello)
			}
		}
	}
	events, err := a.Admin().Events(t.Context(), api.EventPage{Type: "revocation.epoch_raised"})
	worked(t, err)
	if len(events.Events) != 0 {
		t.Errorf("%+v", events.Events)
	}
	receipt, err := a.Admin().Receipt(t.Context(), head)
	worked(t, err)
	if receipt.Confirmed != 0 {
		t.Errorf("%+v", receipt)
	}
	if next := revoked(t, a.Admin(), api.Target{Token: "b"}); next.Seq != head+1 || next.Confirmed != 0 {
		t.Errorf("%+v", next)
	}
}

// TestWhoHearsEverythingConfirms: over a stream, over polls, and with a snapshot,
// named or shown by a proof.
func TestWhoHearsEverythingConfirms(t *testing.T) {
	a := apptest.Start(t)
	d := described("orders", "service")
	d.Scopes = []string{api.RevocationReadScope}
	secret := registered(t, a, d)
	c := a.AsClient("orders", secret)
	first := revoked(t, a.Admin(), api.Target{Token: "a"}).Seq
	s := openFeed(t, a, "?verifier=streams", "Authorization", basic("orders:"+secret))
	s.greeted()
	s.next(api.FrameRules, nil)
	frames := polled(t, a, secret, api.Poll{Verifier: "polls"}, "")
	var hb api.FeedHeartbeat
	worked(t, json.Unmarshal(frames.Frames[len(frames.Frames)-1].Data, &hb))
	ack := func(name string, seq int64) {
		t.Helper()
		worked(t, c.Ack(t.Context(), api.Ack{Verifier: name, Seq: seq, Staleness: 10_000, WhenStale: "refuse"}))
	}
	confirmed := func(seq int64, want int) {
		t.Helper()
		got, err := a.Admin().Receipt(t.Context(), seq)
		worked(t, err)
		if got.Confirmed != want {
			t.Errorf("%+v, want %d", got, want)
		}
	}
	confirmed(first, 0)
	ack("streams", first)
	ack("polls", first)
	confirmed(first, 2)
	second := revoked(t, a.Admin(), api.Target{Token: "b"}).Seq
	s.next(api.FrameRules, nil)
	for _, name := range []string{"streams", "polls", "says"} {
		ack(name, second)
	}
	confirmed(second, 1) // only the stream was sent it
	polled(t, a, secret, api.Poll{After: first, Verifier: "polls"}, "")
	confirmed(second, 2)
	// One that is new here begins after a place: what came before counts only
	// with its proof.
	polled(t, a, secret, api.Poll{After: first, Verifier: "claims"}, "")
	polled(t, a, secret, api.Poll{After: first, Verifier: "proves"}, hb.Proof)
	ack("claims", second)
	ack("proves", second)
	confirmed(second, 4)
	confirmed(first, 3)
	polled(t, a, secret, api.Poll{After: second, Verifier: "snapshot"}, "")
	resp, _ := get(t, a, "/rev/v1/snapshot?verifier=snapshot", "Authorization", basic("orders:"+secret))
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	ack("snapshot", second)
	confirmed(first, 4)
	confirmed(second, 5)
}
