package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/portaria/portaria/internal/background"
)

// A pipeline sends the single statements of many callers to PostgreSQL
// together: statements that arrive while others are on their way go out as one
// message, and their results come back as one. A lone statement is as fast as
// without. That saves most of the wake-ups and messages that a short statement
// costs, and all statements of a batch share one commit.
//
// It is a [driver.Connector], so that the generated queries run on it
// unchanged. Its connections have no state and no transactions.
//
// Only statements that never wait for a lock may use it: the others of its
// batch would wait too. See [together].
type pipeline struct {
	pool    *sql.DB
	timeout time.Duration // of one batch
	panics  *background.Panics

	mu      sync.Mutex
	waiting []*statement // bounded by the callers: each waits for its own
	running int          // lanes, each with one batch on its way
}

const (
	// maxPipeline bounds how many statements share a batch.
	maxPipeline = 64
	// maxLanes bounds how many connections a pipeline uses at once.
	maxLanes = 8
	// pipelinePatience is how long a statement waits for a free lane before it
	// gets another one: a connection that hangs must not stop all callers.
	pipelinePatience = 20 * time.Millisecond
)

// usualLanes is how many batches are on their way at once while all goes well.
// More lanes make smaller batches, which cost more.
func usualLanes() int { return min(max(runtime.GOMAXPROCS(0)/2, 1), maxLanes) }

// openPipeline returns a database that sends its statements through a pipeline.
func openPipeline(pool *sql.DB, opts Options) *sql.DB {
	db := sql.OpenDB(&pipeline{pool: pool, timeout: opts.StepTimeout, panics: opts.Panics})
	db.SetMaxIdleConns(maxPipeline) // they cost nothing
	return db
}

// statement is one caller's statement and, once done is closed, its result.
type statement struct {
	text string
	args []any
	done chan struct{}

	columns []string
	rows    [][]any
	changed int64
	err     error
}

// do runs the statement and waits for its result. When ctx ends first, the
// statement may be done or not.
func (p *pipeline) do(ctx context.Context, s *statement) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.done = make(chan struct{})
	p.mu.Lock()
	p.waiting = append(p.waiting, s)
	p.mu.Unlock()
	p.start(usualLanes())
	late := time.NewTimer(pipelinePatience)
	defer late.Stop()
	for {
		select {
		case <-s.done:
			return s.err
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			p.start(maxLanes)
		}
	}
}

// start starts a lane if statements wait and fewer than most lanes run.
func (p *pipeline) start(most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) > 0 && p.running < most {
		p.running++
		go p.lane()
	}
}

// lane sends batches until nothing waits.
func (p *pipeline) lane() {
	for {
		p.mu.Lock()
		n := min(len(p.waiting), maxPipeline)
		if n == 0 {
			p.waiting = nil
			p.running--
			p.mu.Unlock()
			return
		}
		batch := p.waiting[:n:n]
		p.waiting = p.waiting[n:]
		p.mu.Unlock()
		p.run(batch)
	}
}

// run sends a batch. A statement that fails undoes the whole batch, so each is
// then sent alone.
func (p *pipeline) run(batch []*statement) {
	err := background.Catch(func() error { return p.send(batch) })
	var caught *background.Panic
	if errors.As(err, &caught) {
		p.panics.Report(context.Background(), "database pipeline", caught)
	}
	var refused *pgconn.PgError
	alone := len(batch) > 1 && errors.As(err, &refused) && !ended(err)
	for i, s := range batch {
		if alone {
			p.run(batch[i : i+1])
			continue
		}
		s.err = err
		close(s.done)
	}
}

func (p *pipeline) send(batch []*statement) error {
	ctx, cancel := context.WithTimeout(context.Background(), p.timeout)
	defer cancel()
	conn, err := p.pool.Conn(ctx)
	if err != nil {
		return err
	}
	err = conn.Raw(func(raw any) error {
		return exchange(ctx, raw.(*stdlib.Conn).Conn(), batch)
	})
	return errors.Join(err, conn.Close())
}

// exchange sends a batch on a connection and reads all results.
func exchange(ctx context.Context, conn *pgx.Conn, batch []*statement) error {
	b := &pgx.Batch{}
	for _, s := range batch {
		b.Queue(s.text, s.args...)
	}
	results := conn.SendBatch(ctx, b)
	var err error
	for _, s := range batch {
		if err = s.read(results); err != nil {
			break
		}
	}
	return cmp.Or(err, results.Close())
}

// read takes the statement's result out of its batch's.
func (s *statement) read(results pgx.BatchResults) error {
	rows, err := results.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	s.columns, s.rows = nil, nil // of an attempt before
	for _, c := range rows.FieldDescriptions() {
		s.columns = append(s.columns, c.Name)
	}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return err
		}
		for i, v := range values {
			values[i] = wide(v)
		}
		s.rows = append(s.rows, values)
	}
	s.changed = rows.CommandTag().RowsAffected()
	return rows.Err()
}

// wide turns pgx's integers into the one that database/sql knows.
func wide(v any) any {
	switch n := v.(type) {
	case int16:
		return int64(n)
	case int32:
		return int64(n)
	}
	return v
}

// Connect implements [driver.Connector].
func (p *pipeline) Connect(context.Context) (driver.Conn, error) { return pipelineConn{p}, nil }

// Driver implements [driver.Connector].
func (p *pipeline) Driver() driver.Driver { return p.pool.Driver() }

// pipelineConn is a connection of a pipeline.
type pipelineConn struct{ *pipeline }

var errOneStatement = errors.New("a pipeline runs single statements only")

// Prepare implements [driver.Conn].
func (pipelineConn) Prepare(string) (driver.Stmt, error) { return nil, errOneStatement }

// Begin implements [driver.Conn].
func (pipelineConn) Begin() (driver.Tx, error) { return nil, errOneStatement }

// Close implements [driver.Conn].
func (pipelineConn) Close() error { return nil }

// ExecContext implements [driver.ExecerContext].
func (c pipelineConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	s := &statement{text: text, args: plain(args)}
	if err := c.do(ctx, s); err != nil {
		return nil, err
	}
	return driver.RowsAffected(s.changed), nil
}

// QueryContext implements [driver.QueryerContext].
func (c pipelineConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	s := &statement{text: text, args: plain(args)}
	if err := c.do(ctx, s); err != nil {
		return nil, err
	}
	return &pipelineRows{s}, nil
}

// plain returns the values of arguments.
func plain(named []driver.NamedValue) []any {
	args := make([]any, len(named))
	for i, v := range named {
		args[i] = v.Value
	}
	return args
}

// pipelineRows are the rows of a result.
type pipelineRows struct{ *statement }

// Columns implements [driver.Rows].
func (r *pipelineRows) Columns() []string { return r.columns }

// Close implements [driver.Rows].
func (*pipelineRows) Close() error { return nil }

// Next implements [driver.Rows].
func (r *pipelineRows) Next(into []driver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	for i, v := range r.rows[0] {
		into[i] = v
	}
	r.rows = r.rows[1:]
	return nil
}

// together are the queries that run in a pipeline: those of a token check, a
// refresh and a sign-in. Each finds its row by a key and waits for no lock.
var together = map[string]bool{
	"AccountByIdentifier": true,
	"Account":             true,
	"Client":              true,
	"Session":             true,
	"SessionOwner":        true,
	"SessionWithOwner":    true,
}

// queryName returns the name of a generated query, from its first line.
func queryName(text string) string {
	rest, _ := strings.CutPrefix(text, "-- name: ")
	name, _, _ := strings.Cut(rest, " ")
	return name
}

// pipelinedReads sends what is in together through the pipeline, and all other
// queries over a connection of their own.
type pipelinedReads struct {
	*sql.DB
	pipeline *sql.DB
}

// QueryRowContext implements [query.DBTX].
func (r pipelinedReads) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	if together[queryName(text)] {
		return r.pipeline.QueryRowContext(ctx, text, args...)
	}
	return r.DB.QueryRowContext(ctx, text, args...)
}

// pipelinedWrites sends RotateSession through the pipeline.
type pipelinedWrites struct {
	*sql.DB
	pipeline *sql.DB
}

// unlessLocked makes RotateSession leave out a row that another transaction
// holds. Without it a batch could wait for that transaction while it holds rows
// that the other one waits for: a deadlock, which PostgreSQL notices after a
// second. SQLite has no words for that, so the text of the query is without them.
var unlessLocked = strings.NewReplacer("WHERE id = $7 ",
	"WHERE id = (SELECT s.id FROM sessions s WHERE s.id = $7 FOR NO KEY UPDATE SKIP LOCKED) ")

// ExecContext implements [query.DBTX].
func (w pipelinedWrites) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	if queryName(text) == "RotateSession" {
		done, err := w.pipeline.ExecContext(ctx, unlessLocked.Replace(text), args...)
		if err != nil {
			return nil, err
		}
		if n, err := done.RowsAffected(); err != nil || n > 0 {
			return done, err
		}
		// The row is locked, or it is not as the caller wants it: ask again alone.
	}
	return w.DB.ExecContext(ctx, text, args...)
}
