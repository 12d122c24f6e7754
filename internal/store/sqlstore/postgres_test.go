package sqlstore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/portaria/portaria/internal/store/sqlstore"
)

func TestRepeat(t *testing.T) {
	lost, other := &pgconn.PgError{Code: "40P01"}, errors.New("other")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]struct {
		ctx      context.Context
		errs     []error // of one run after the other; the last stays
		want     error
		wantRuns int
	}{
		"at once":             {t.Context(), []error{nil}, nil, 1},
		"another error":       {t.Context(), []error{other}, other, 1},
		"a deadlock":          {t.Context(), []error{lost, lost, nil}, nil, 3},
		"a conflict of order": {t.Context(), []error{&pgconn.PgError{Code: "40001"}, nil}, nil, 2},
		"for ever":            {t.Context(), []error{lost}, lost, 10},
		"nobody waits":        {cancelled, []error{lost}, lost, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			runs := 0
			err := sqlstore.Repeat(test.ctx, func() error {
				runs++
				return test.errs[min(runs, len(test.errs))-1]
			})
			if !errors.Is(err, test.want) || runs != test.wantRuns {
				t.Errorf("got %v after %d runs, want %v after %d", err, runs, test.want, test.wantRuns)
			}
		})
	}
}

// TestPostgresPool bounds the connections that a store keeps.
func TestPostgresPool(t *testing.T) {
	store, err := sqlstore.Open(t.Context(), engines["PostgreSQL"](t), sqlstore.Options{Connections: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if got := store.Pool().Stats().MaxOpenConnections; got != 3 {
		t.Errorf("%d connections, want 3", got)
	}
}
