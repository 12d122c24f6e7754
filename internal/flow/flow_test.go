package flow_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/flow"
	"github.com/portaria/portaria/internal/store/sqlstore"
)

var start = time.UnixMilli(1_800_000_000_123).UTC()

func open(t *testing.T) *flow.Flows {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "portaria.db"), sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return flow.New(store)
}

func want(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAFlowIsUsedOnce(t *testing.T) {
	flows, ctx := open(t), context.Background()
	value, err := flows.Begin(ctx, flow.Flow{Kind: "code", ClientID: "shop", Data: "{}"}, time.Minute, start)
	want(t, err, nil)
	read, err := flows.Load(ctx, "code", value, start)
	want(t, err, nil)
	advanced := read
	advanced.AccountID, advanced.Data = "ana", `{"n":1}`
	advanced, err = flows.Advance(ctx, advanced, start)
	want(t, err, nil)
	_, err = flows.Advance(ctx, read, start)
	want(t, err, flow.ErrChanged)
	want(t, flows.Spend(ctx, read, start), flow.ErrChanged)
	want(t, flows.Spend(ctx, advanced, start), nil)
	want(t, flows.Spend(ctx, advanced, start), flow.ErrChanged)
	_, err = flows.Advance(ctx, advanced, start)
	want(t, err, flow.ErrChanged)
	spent, err := flows.Load(ctx, "code", value, start)
	want(t, err, flow.ErrSpent)
	if spent.AccountID != "ana" || spent.Data != `{"n":1}` || spent.Version != 1 {
		t.Errorf("what came of it is %+v", spent)
	}
}

func TestAFlowIsNotFound(t *testing.T) {
	flows, ctx := open(t), context.Background()
	value, err := flows.Begin(ctx, flow.Flow{Kind: "code"}, time.Minute, start)
	want(t, err, nil)
	for _, other := range []flow.Value{"", "x", value + "A", value[1:], flow.Value(strings.Repeat("A", 43)), flow.Value(strings.Repeat("A", 1<<20))} {
		_, err := flows.Load(ctx, "code", other, start)
		want(t, err, flow.ErrNotFound)
	}
	_, err = flows.Load(ctx, "attempt", value, start)
	want(t, err, flow.ErrNotFound)
	read, err := flows.Load(ctx, "code", value, start.Add(time.Minute-time.Millisecond))
	want(t, err, nil)
	for _, late := range []time.Time{start.Add(time.Minute), start.Add(time.Hour)} {
		_, err = flows.Load(ctx, "code", value, late)
		want(t, err, flow.ErrNotFound)
		want(t, flows.Spend(ctx, read, late), flow.ErrChanged)
		_, err = flows.Advance(ctx, read, late)
		want(t, err, flow.ErrChanged)
	}
}

func TestLimitsOfFlows(t *testing.T) {
	flows, ctx := open(t), context.Background()
	full := flow.Flow{Kind: "code", Data: strings.Repeat("x", flow.MaxData)}
	_, err := flows.Begin(ctx, full, flow.MaxLife, start)
	want(t, err, nil)
	_, err = flows.Begin(ctx, full, flow.MaxLife+1, start)
	want(t, err, flow.ErrInvalid)
	_, err = flows.Begin(ctx, full, time.Second-1, start)
	want(t, err, flow.ErrInvalid)
	full.Data += "x"
	_, err = flows.Begin(ctx, full, time.Minute, start)
	want(t, err, flow.ErrInvalid)
	_, err = flows.Advance(ctx, full, start)
	want(t, err, flow.ErrInvalid)
	_, err = flows.Begin(ctx, flow.Flow{}, time.Minute, start)
	want(t, err, flow.ErrInvalid)
}
