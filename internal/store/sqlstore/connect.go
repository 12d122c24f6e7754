package sqlstore

import (
	"cmp"
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/portaria/portaria/internal/pgurl"
)

// Errors about connecting to a PostgreSQL server. Waiting does not help.
var (
	// ErrInsecureTLS says that a URL names a server on another machine and asks
	// for less than TLS with a checked certificate.
	ErrInsecureTLS = errors.New("a database on another machine needs sslmode=verify-full")
	// ErrRefused says that the server, or the check of its certificate, refused
	// the connection for a reason that stays.
	ErrRefused = errors.New("database refuses the connection")
	// ErrNotDurable reports a connection pooler in front of a database whose
	// synchronous_commit is off. Through a pooler it cannot be turned on for
	// one connection.
	ErrNotDurable = errors.New("synchronous_commit is off behind a connection pooler; run ALTER ROLE … SET synchronous_commit = on")
)

const (
	// maxLife bounds the life of a connection, so that after a failover none
	// stays with the old server for longer.
	maxLife = 10 * time.Minute
	// dropEvery bounds how often all connections are dropped at once.
	dropEvery = time.Second
)

// postgresPool connects to one PostgreSQL, directly or through a pooler.
type postgresPool struct {
	// pooled says that a pooler hands each transaction to another connection
	// of the server, so that nothing of a session lasts.
	pooled bool
	// era rises when all connections made so far are to be dropped.
	era     atomic.Int64
	dropped atomic.Int64 // when that happened last, in Unix nanoseconds
}

// openPool reads the URL, looks once at what answers there, and returns a pool
// of connections.
func openPool(ctx context.Context, location string, opts Options) (*sql.DB, *postgresPool, error) {
	config, err := readPostgresURL(location, opts.InsecureTLS)
	if err != nil {
		return nil, nil, err
	}
	p := &postgresPool{}
	if err := p.look(ctx, config, strings.Contains(location, "default_query_exec_mode=")); err != nil {
		return nil, nil, misconfigured(err)
	}
	report := config.OnPgError
	config.OnPgError = func(conn *pgconn.PgConn, err *pgconn.PgError) bool {
		if err.Code == pgReadOnly {
			p.drop()
		}
		return !spoils(err.Code) && report(conn, err)
	}
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(p.connected), stdlib.OptionResetSession(p.reset))
	size := opts.Connections
	if size <= 0 {
		size = defaultPool
	}
	size = max(size, 2) // a migration needs one beside that with its lock
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	db.SetConnMaxIdleTime(maxIdle)
	db.SetConnMaxLifetime(maxLife)
	return db, p, nil
}

// look connects once and finds out whether a pooler stands between. A pooler
// makes up the process id that it announces.
func (p *postgresPool) look(ctx context.Context, config *pgx.ConnConfig, chosen bool) (err error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	var pid int64
	var durable string
	const question = "SELECT pg_backend_pid()::bigint, current_setting('synchronous_commit')"
	if err := conn.QueryRow(ctx, question, pgx.QueryExecModeExec).Scan(&pid, &durable); err != nil {
		return err
	}
	p.pooled = pid != int64(conn.PgConn().PID())
	if !p.pooled {
		return nil
	}
	if durable == "off" {
		return ErrNotDurable
	}
	if !chosen {
		// Statements without names: a named one stays at one connection of the
		// server, and the next transaction gets another.
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	return nil
}

// connected prepares a new connection.
func (p *postgresPool) connected(ctx context.Context, conn *pgx.Conn) error {
	conn.PgConn().CustomData()[eraKey] = p.era.Load()
	if p.pooled {
		return nil // it would change somebody else's session
	}
	return insistOnDurability(ctx, conn)
}

// eraKey finds the era of a connection.
const eraKey = "portaria.era"

// reset runs before a connection is used again.
func (p *postgresPool) reset(_ context.Context, conn *pgx.Conn) error {
	if era, _ := conn.PgConn().CustomData()[eraKey].(int64); era != p.era.Load() {
		return driver.ErrBadConn
	}
	return nil
}

// drop lets no idle connection be used again. When one finds its server
// read-only, the others lead to the same server.
func (p *postgresPool) drop() {
	now, last := time.Now().UnixNano(), p.dropped.Load()
	if now-last >= int64(dropEvery) && p.dropped.CompareAndSwap(last, now) {
		p.era.Add(1)
	}
}

// renew does the same at once, for connections that have ended.
func (p *postgresPool) renew() { p.era.Add(1) }

// spoils reports that a connection is of no more use after an error: its server
// takes no writes any more or shuts down, or the prepared statements of the two
// sides differ.
func spoils(code string) bool {
	return spoilt(&pgconn.PgError{Code: code}) || strings.HasPrefix(code, pgConnection) || strings.HasPrefix(code, pgOperator+"P")
}

// readPostgresURL reads a URL, with a check of the server's certificate if the
// server is on another machine. Its errors contain no part of the URL.
func readPostgresURL(location string, insecure bool) (*pgx.ConnConfig, error) {
	if err := pgurl.Check(location); err != nil {
		return nil, fmt.Errorf("%w: the PostgreSQL URL %w", ErrURL, err)
	}
	config, err := pgx.ParseConfig(location)
	if err != nil {
		return nil, unreadable(err)
	}
	if remote(config) {
		if config, err = pgx.ParseConfig(withTLS(location, insecure)); err != nil {
			return nil, unreadable(err)
		}
		if !insecure && !verified(config) {
			return nil, ErrInsecureTLS
		}
		if plainFallback(config) {
			return nil, fmt.Errorf("%w: sslmode prefer and allow fall back to plain text; choose require or disable", ErrInsecureTLS)
		}
	}
	if config.ValidateConnect == nil {
		// A standby is no substitute: its rows may be old, and it takes no writes.
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	return config, nil
}

// unreadable does not repeat pgx's error, which contains parts of the URL.
func unreadable(err error) error {
	var file *os.PathError
	if errors.As(err, &file) {
		return fmt.Errorf("%w: read a file that a parameter of the PostgreSQL URL names: %w", ErrURL, file.Err)
	}
	return fmt.Errorf("%w: a parameter of the PostgreSQL URL, or a PG… variable, has a value that it cannot have", ErrURL)
}

// withTLS adds the sslmode that a server on another machine gets when the URL
// names none.
func withTLS(location string, insecure bool) string {
	u, err := url.Parse(location)
	if err != nil {
		return location
	}
	query := u.Query()
	if query.Get("sslmode") != "" {
		return location
	}
	mode := "verify-full"
	if insecure {
		mode = cmp.Or(os.Getenv("PGSSLMODE"), "require")
	}
	query.Del("ssl")
	query.Set("sslmode", mode)
	u.RawQuery = query.Encode()
	return u.String()
}

// targets are all addresses that a configuration may connect to, with how.
func targets(config *pgx.ConnConfig) []*pgconn.FallbackConfig {
	first := &pgconn.FallbackConfig{Host: config.Host, Port: config.Port, TLSConfig: config.TLSConfig}
	return append([]*pgconn.FallbackConfig{first}, config.Fallbacks...)
}

// remote reports that some address may be on another machine. Names are not
// looked up: the answer could be another one later.
func remote(config *pgx.ConnConfig) bool {
	for _, t := range targets(config) {
		if !onThisMachine(t) {
			return true
		}
	}
	return false
}

func onThisMachine(t *pgconn.FallbackConfig) bool {
	if network, _ := pgconn.NetworkAddress(t.Host, t.Port); network == "unix" || t.Host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(t.Host)
	return err == nil && address.Unmap().IsLoopback()
}

// verified reports that certificate and name of every server on another machine
// are checked.
func verified(config *pgx.ConnConfig) bool {
	for _, t := range targets(config) {
		if !onThisMachine(t) && (t.TLSConfig == nil || t.TLSConfig.InsecureSkipVerify) {
			return false
		}
	}
	return true
}

// plainFallback reports that one server is tried with TLS and without it, so
// that an attacker on the network decides.
func plainFallback(config *pgx.ConnConfig) bool {
	plain, encrypted := map[string]bool{}, map[string]bool{}
	for _, t := range targets(config) {
		name := fmt.Sprintf("%s:%d", t.Host, t.Port)
		if t.TLSConfig == nil {
			plain[name] = true
		} else {
			encrypted[name] = true
		}
		if plain[name] && encrypted[name] && !onThisMachine(t) {
			return true
		}
	}
	return false
}

// misconfigured returns ErrRefused for errors that waiting does not solve: a wrong
// password or role, or a certificate that is not trusted.
func misconfigured(err error) error {
	var pg *pgconn.PgError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &pg) && strings.HasPrefix(pg.Code, pgAuthorization):
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case errors.As(err, &certificate):
		return fmt.Errorf("%w: its certificate is not trusted; name its authority with sslrootcert in the URL: %w", ErrRefused, err)
	case err != nil && strings.Contains(err.Error(), "refused TLS"):
		return fmt.Errorf("%w: it offers no TLS, and plain text would show the password to the network: %w", ErrRefused, err)
	}
	return translate(err)
}
