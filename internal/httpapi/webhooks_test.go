package httpapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
)

const unknownWebhook = "11111111-1111-4111-8111-111111111111"

// hooked is a Portaria with a client, and a receiver that answers status.
func hooked(t *testing.T) (a *apptest.App, url string, status *atomic.Int64, got *atomic.Int64) {
	t.Helper()
	a = apptest.Start(t, func(c *config.Config) { c.InsecureWebhooks = true })
	status, got = &atomic.Int64{}, &atomic.Int64{}
	status.Store(http.StatusOK)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got.Add(1)
		w.WriteHeader(int(status.Load()))
	}))
	t.Cleanup(server.Close)
	_, err := a.Admin().CreateClient(t.Context(), api.NewClient{ClientDescription: api.ClientDescription{ID: "orders", Kind: "service"}})
	worked(t, err)
	return a, server.URL, status, got
}

func TestWebhookFromItsMakingToItsEnd(t *testing.T) {
	a, url, status, got := hooked(t)
	ctx, admin := t.Context(), a.Admin()
	made, err := admin.CreateWebhook(ctx, api.NewWebhook{ClientID: "orders", Format: "standard", URL: url, Types: []string{"session.*"}})
	worked(t, err)
	if made.Secret == "" || made.Types[0] != "session.*" {
		t.Fatalf("made %+v", made)
	}
	status.Store(http.StatusInternalServerError)
	a.SignUp("ana@example.com") // and a session starts
	a.DeliverWebhooks()
	shown, err := a.Admin().Webhook(ctx, made.ID)
	worked(t, err)
	if shown.Failures != 1 || shown.FailingSince == nil || shown.NextAt == nil {
		t.Errorf("after a failure: %+v", shown)
	}

	a.Clock.Move(73 * time.Hour)
	a.DeliverWebhooks()
	dead, err := a.Admin().DeadLetters(ctx, api.DeadLetterPage{DeliveryPage: api.DeliveryPage{ID: made.ID}})
	worked(t, err)
	if len(dead.Deliveries) != 1 || dead.Deliveries[0].Type != "session.started" {
		t.Fatalf("dead letters: %+v", dead)
	}
	letter := api.DeadLetter{ID: made.ID, Event: dead.Deliveries[0].EventID}
	none, err := a.Admin().DeadLetters(ctx, api.DeadLetterPage{DeliveryPage: api.DeliveryPage{ID: made.ID}, After: int(dead.Deliveries[0].Seq)})
	worked(t, err)
	if len(none.Deliveries) != 0 {
		t.Errorf("after the last: %+v", none)
	}
	status.Store(http.StatusOK)
	again, err := a.Admin().Redeliver(ctx, letter)
	worked(t, err)
	if again.Status != http.StatusOK || again.Failure != "" {
		t.Errorf("redelivered: %+v", again)
	}
	_, err = a.Admin().Redeliver(ctx, letter)
	refused(t, err, "dead_letter_not_found")
	tries, err := a.Admin().Deliveries(ctx, api.DeliveryPage{ID: made.ID, Limit: 2})
	worked(t, err)
	if len(tries.Deliveries) != 2 || tries.Deliveries[0].Status != 200 || got.Load() != 3 {
		t.Errorf("tries: %+v; %d arrived", tries, got.Load())
	}

	worked(t, a.Admin().DeleteWebhook(ctx, made.ID))
	_, err = a.Admin().Webhook(ctx, made.ID)
	refused(t, err, "webhook_not_found")
}

func TestUnknownWebhooks(t *testing.T) {
	a, _, _, _ := hooked(t)
	ctx, admin := t.Context(), a.Admin()
	page := api.DeliveryPage{ID: unknownWebhook}
	for name, call := range map[string]func() error{
		"rotate":     func() error { _, err := admin.RotateWebhookSecret(ctx, unknownWebhook); return err },
		"enable":     func() error { return admin.EnableWebhook(ctx, unknownWebhook) },
		"disable":    func() error { return admin.DisableWebhook(ctx, unknownWebhook) },
		"delete":     func() error { return admin.DeleteWebhook(ctx, unknownWebhook) },
		"deliveries": func() error { _, err := admin.Deliveries(ctx, page); return err },
		"letters":    func() error { _, err := admin.DeadLetters(ctx, api.DeadLetterPage{DeliveryPage: page}); return err },
		"replay": func() error {
			_, err := admin.ReplayWebhook(ctx, api.WebhookReplay{ID: unknownWebhook, Since: time.Now()})
			return err
		},
		"redeliver": func() error {
			_, err := admin.Redeliver(ctx, api.DeadLetter{ID: unknownWebhook, Event: unknownWebhook})
			return err
		},
		"poll": func() error { _, err := admin.PollEvents(ctx, api.EventPoll{ID: unknownWebhook}); return err },
	} {
		t.Run(name, func(t *testing.T) { refused(t, call(), "webhook_not_found") })
	}
}

func TestWebhooksThatCannotBe(t *testing.T) {
	a, url, _, _ := hooked(t)
	good := api.NewWebhook{ClientID: "orders", Format: "standard", URL: url, Types: []string{"*"}}
	for name, test := range map[string]struct {
		change func(*api.NewWebhook)
		code   string
	}{
		"nobody's": {func(in *api.NewWebhook) { in.ClientID = "nobody" }, "webhook_client_unknown"},
		"nowhere":  {func(in *api.NewWebhook) { in.URL = "" }, "input_invalid"},
		"outside":  {func(in *api.NewWebhook) { in.URL = "http://example.com/" }, "input_invalid"},
		"nothing":  {func(in *api.NewWebhook) { in.Types = []string{} }, "input_invalid"},
		"formless": {func(in *api.NewWebhook) { in.Format = "xml" }, "input_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			in := good
			test.change(&in)
			_, err := a.Admin().CreateWebhook(t.Context(), in)
			refused(t, err, test.code)
		})
	}
}

// Without the setting, nothing on this machine is reached.
func TestWebhooksStayOutsideUnlessTheSettingsSayOtherwise(t *testing.T) {
	a := apptest.Start(t)
	_, err := a.Admin().CreateClient(t.Context(), api.NewClient{ClientDescription: api.ClientDescription{ID: "orders", Kind: "service"}})
	worked(t, err)
	_, err = a.Admin().CreateWebhook(t.Context(), api.NewWebhook{ClientID: "orders", Format: "standard", URL: "http://localhost:1/", Types: []string{"*"}})
	refused(t, err, "input_invalid")
}

// A client polls with its own secret, if it has the scope, and for itself alone.
func TestClientsPollTheirOwnEvents(t *testing.T) {
	a := apptest.Start(t)
	ctx := t.Context()
	secrets := map[string]string{}
	for id, scopes := range map[string][]string{"audit": {api.EventsReadScope}, "other": {api.EventsReadScope}, "plain": nil} {
		made, err := a.Admin().CreateClient(ctx, api.NewClient{ClientDescription: api.ClientDescription{ID: id, Kind: "service", Scopes: scopes}})
		worked(t, err)
		secrets[id] = made.ClientSecret
	}
	sub, err := a.Admin().CreateWebhook(ctx, api.NewWebhook{ClientID: "audit", Format: "poll", Types: []string{"account.created"}})
	worked(t, err)
	a.SignUp("ana@example.com")
	now := api.EventPoll{ID: sub.ID, ReturnImmediately: true}
	polled, err := a.AsClient("audit", secrets["audit"]).PollEvents(ctx, now)
	worked(t, err)
	if len(polled.Sets) != 1 || polled.MoreAvailable {
		t.Errorf("polled %+v", polled)
	}
	_, err = a.AsClient("other", secrets["other"]).PollEvents(ctx, now)
	refused(t, err, "webhook_not_found")
	_, err = a.AsClient("plain", secrets["plain"]).PollEvents(ctx, now)
	refused(t, err, "insufficient_scope")
	for id := range polled.Sets {
		now.SetErrs = map[string]api.EventPollFail{id: {Err: "invalid_key"}}
	}
	polled, err = a.AsClient("audit", secrets["audit"]).PollEvents(ctx, now)
	worked(t, err)
	dead, err := a.Admin().DeadLetters(ctx, api.DeadLetterPage{DeliveryPage: api.DeliveryPage{ID: sub.ID}})
	worked(t, err)
	if len(polled.Sets) != 0 || len(dead.Deliveries) != 1 || dead.Deliveries[0].Failure != "refused:invalid_key" {
		t.Errorf("after a refusal: %+v, dead letters %+v", polled, dead)
	}
}
