package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// rulesChannel is where processes on one PostgreSQL tell each other that there
// are new rules.
const (
	rulesChannel = "portaria_rules"
	// listenAgain is how long to wait after a connection was lost.
	listenAgain = time.Second
	// tellTimeout bounds telling the others: they will look anyway.
	tellTimeout = time.Second
)

// notifications adds to what this process writes what the others do, and tells
// them of its own.
func (e *postgresEngine) notifications(ctx context.Context, local <-chan struct{}) <-chan struct{} {
	out := make(chan struct{}, 1)
	offer := func() {
		select {
		case out <- struct{}{}:
		default:
		}
	}
	var both sync.WaitGroup
	keep := func(what string, f func(context.Context)) {
		both.Go(func() { e.panics.Keep(ctx, what, f) })
	}
	keep("notify other processes", func(ctx context.Context) {
		for range local {
			offer()
			e.tell(ctx)
		}
	})
	keep("listen to other processes", func(ctx context.Context) {
		for ctx.Err() == nil {
			// Whatever went wrong, it is the poll of the table that counts.
			_ = e.listen(ctx, offer)
			rest(ctx, listenAgain)
		}
	})
	go func() {
		both.Wait()
		close(out)
	}()
	return out
}

// tell is not part of the transaction that wrote the rules, where it would hold
// a lock that all of the server's notifications share.
func (e *postgresEngine) tell(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, tellTimeout)
	defer cancel()
	_, _ = e.db.ExecContext(ctx, "NOTIFY "+rulesChannel) // a wake-up alone
}

// listen holds a connection until it breaks, has reached the age at which
// connections are dropped, or ctx ends. It is then of no more use to anybody.
func (e *postgresEngine) listen(ctx context.Context, offer func()) error {
	ctx, cancel := context.WithTimeout(ctx, maxLife)
	defer cancel()
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return err
	}
	err = conn.Raw(func(raw any) error {
		pg := raw.(*stdlib.Conn).Conn()
		if _, err := pg.Exec(ctx, "LISTEN "+rulesChannel); err != nil {
			return errors.Join(driver.ErrBadConn, err)
		}
		for {
			if _, err := pg.WaitForNotification(ctx); err != nil {
				return errors.Join(driver.ErrBadConn, err)
			}
			offer()
		}
	})
	return errors.Join(err, conn.Close())
}

func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
