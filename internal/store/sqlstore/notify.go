package sqlstore

import (
	"context"
	"sync"
)

// bell wakes its listeners after a write to a log. It carries no data: listeners
// read the table.
type bell struct {
	mu        sync.Mutex
	listeners map[chan struct{}]bool
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for l := range b.listeners {
		select {
		case l <- struct{}{}:
		default: // it has not received the last one yet
		}
	}
}

func (b *bell) listen(ctx context.Context) <-chan struct{} {
	l := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listeners == nil {
		b.listeners = map[chan struct{}]bool{}
	}
	b.listeners[l] = true
	context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.listeners, l)
		close(l)
	})
	return l
}

// Notifications returns a channel that gets a value soon after rules were written: by
// this Store, and on PostgreSQL without a pooler by every other process that uses the
// database. One value may stand for several writes, and a write may have none, so poll
// as well. The channel is closed after ctx has ended.
func (s *Store) Notifications(ctx context.Context) <-chan struct{} {
	return s.notifications(ctx, &s.rules, rulesChannel)
}

// EventNotifications is Notifications for the event log.
func (s *Store) EventNotifications(ctx context.Context) <-chan struct{} {
	return s.notifications(ctx, &s.events, eventsChannel)
}

func (s *Store) notifications(ctx context.Context, b *bell, channel string) <-chan struct{} {
	local := b.listen(ctx)
	// Through a pooler, LISTEN would stay with a connection that others use.
	if pg, ok := s.engine.(*postgresEngine); ok && !pg.pool.pooled {
		return pg.notifications(ctx, local, channel)
	}
	return local
}

// Pooled reports whether there is a connection pooler, for example PgBouncer, in front
// of the database. Statements are then not prepared, and writes of other processes are
// only found by polling.
func (s *Store) Pooled() bool {
	pg, ok := s.engine.(*postgresEngine)
	return ok && pg.pool.pooled
}
