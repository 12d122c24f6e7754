package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// Processes on one PostgreSQL notify each other of new rules and events on these
// channels.
const (
	rulesChannel  = "portaria_rules"
	eventsChannel = "portaria_events"
	// notifyEvery bounds how often a process notifies the others, so that a storm
	// of writes costs few statements.
	notifyEvery = 25 * time.Millisecond
	// listenAgain is how long to wait after a connection was lost.
	listenAgain = time.Second
	// notifyTimeout bounds one NOTIFY. The other processes poll as well.
	notifyTimeout = time.Second
)

// notifications merges the writes of this process with those that the others announce,
// and announces its own.
func (e *postgresEngine) notifications(ctx context.Context, local <-chan struct{}, channel string) <-chan struct{} {
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
			e.announce(ctx, channel)
			rest(ctx, notifyEvery)
		}
	})
	keep("listen to other processes", func(ctx context.Context) {
		for ctx.Err() == nil {
			// Whatever went wrong, it is the poll of the table that counts.
			_ = e.listen(ctx, channel, offer)
			rest(ctx, listenAgain)
		}
	})
	go func() {
		both.Wait()
		close(out)
	}()
	return out
}

// announce sends NOTIFY outside of the transaction that wrote the rules: inside, it would
// hold a lock that all notifications of the server share.
func (e *postgresEngine) announce(ctx context.Context, channel string) {
	ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
	defer cancel()
	_, _ = e.db.ExecContext(ctx, "NOTIFY "+channel) // the others poll, so an error does no harm
}

// listen holds a connection until it breaks, it has reached the age at which connections
// are dropped, or ctx ends. The connection is then not used again.
func (e *postgresEngine) listen(ctx context.Context, channel string, offer func()) error {
	ctx, cancel := context.WithTimeout(ctx, maxLife)
	defer cancel()
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return err
	}
	err = conn.Raw(func(raw any) error {
		pg := raw.(*stdlib.Conn).Conn()
		if _, err := pg.Exec(ctx, "LISTEN "+channel); err != nil {
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
