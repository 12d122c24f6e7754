package testdb

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// poolerGuard runs PgBouncer and outlives us, as guard does with PostgreSQL.
// $1 is the folder, $2 the program.
const poolerGuard = `
trap '' PIPE
dir=$1
cd /
"$2" -q "$dir/pgbouncer.ini" >"$dir/log" 2>&1 &
pooler=$!
finish() { kill -INT "$pooler" 2>/dev/null; wait "$pooler"; rm -rf "$dir"; exit; }
until [ -S "$dir/.s.PGSQL.6432" ]; do
	kill -0 "$pooler" 2>/dev/null || { cat "$dir/log"; rm -rf "$dir"; exit; }
	sleep 0.02
done
echo ready
read -r _
finish
`

// poolerSettings make PgBouncer hand out its connections for one transaction
// each, to the client that asks next.
const poolerSettings = `[databases]
* = host=%s port=%s user=%s
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = %s
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 200
`

// PgBouncer returns the URL of a database as it is reached through a PgBouncer
// in transaction mode, which ends with the test. When PgBouncer is not installed
// the test fails.
func PgBouncer(t testing.TB, database string) string {
	t.Helper()
	through, err := startPooler(t, database)
	if err != nil {
		t.Fatalf("start PgBouncer: %v", err)
	}
	return through
}

func startPooler(t testing.TB, database string) (string, error) {
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/pgbouncer")
	}
	if err != nil {
		return "", errors.New("no pgbouncer: install it (Debian: apt-get install pgbouncer)")
	}
	u, err := url.Parse(database)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("/tmp", "portaria-pgbouncer-")
	if err != nil {
		return "", err
	}
	query := u.Query()
	settings := fmt.Sprintf(poolerSettings, cmp.Or(query.Get("host"), u.Hostname()), cmp.Or(query.Get("port"), u.Port(), "5432"),
		cmp.Or(query.Get("user"), u.User.Username(), "postgres"), dir)
	if err := os.WriteFile(filepath.Join(dir, "pgbouncer.ini"), []byte(settings), 0o644); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	cmd := exec.Command("/bin/sh", "-c", poolerGuard, "guard", dir, program)
	if err := unprivileged(cmd, dir); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	lifeline, err := launch(cmd)
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	t.Cleanup(func() { _, _ = lifeline.Close(), cmd.Wait() })
	through := url.Values{"host": {dir}, "port": {"6432"}, "user": {"postgres"}, "sslmode": {"disable"}}
	return "postgres://" + u.EscapedPath() + "?" + through.Encode(), nil
}
