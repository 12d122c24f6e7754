package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/portaria/portaria/internal/store/sqlstore"
)

// small are the tables that have few rows however large an installation is.
// Their queries may scan and sort.
func small() []string {
	return []string{"keys", "secrets", "webhooks", "verifiers", "revocation_log", "event_log"}
}

// unbounded are the queries that may read more than their answer, with the
// reason.
func unbounded() map[string]string {
	return map[string]string{
		"EndIdlest":        "sorts at most 1,000 sessions of one account",
		"EndAllSessions":   "ends the few sessions that portions have left",
		"LongestAccessTTL": "reads the clients once a minute",
	}
}

// TestEveryQueryHasAnIndex looks at the plans of all queries on both databases:
// none sorts, and none scans a table that can be large.
func TestEveryQueryHasAnIndex(t *testing.T) {
	queries := generatedQueries(t)
	for name := range unbounded() {
		if queries[name] == "" {
			t.Errorf("no query %s", name)
		}
	}
	for engine, plan := range map[string]func(*testing.T) func(string) (string, error){"SQLite": sqlitePlans, "PostgreSQL": postgresPlans} {
		t.Run(engine, func(t *testing.T) {
			explain := plan(t)
			for _, name := range slices.Sorted(maps.Keys(queries)) {
				if unbounded()[name] != "" {
					continue
				}
				got, err := explain(queries[name])
				if err != nil {
					t.Errorf("%s: %v", name, err)
				} else if why := costly(got); why != "" {
					t.Errorf("%s: %s\n%s", name, why, got)
				}
			}
		})
	}
}

// TestPlansOfOldQueriesAreRefused shows that the check can fail: with the
// queries as they were, both databases sorted or scanned.
func TestPlansOfOldQueriesAreRefused(t *testing.T) {
	old := map[string]string{
		"events by number and time": "SELECT * FROM events WHERE seq > $1 AND at >= $2 AND at < $3 ORDER BY seq LIMIT $4",
		"sessions of a client":      "SELECT * FROM sessions WHERE client_id = $1",
		"sessions by use":           "SELECT * FROM sessions WHERE account_id = $1 ORDER BY used_at LIMIT $2",
	}
	refused := map[string][]string{"SQLite": {"events by number and time", "sessions of a client", "sessions by use"}, "PostgreSQL": {"sessions of a client", "sessions by use"}}
	for engine, plan := range map[string]func(*testing.T) func(string) (string, error){"SQLite": sqlitePlans, "PostgreSQL": postgresPlans} {
		explain := plan(t)
		for _, name := range refused[engine] {
			if got, err := explain(old[name]); err != nil || costly(got) == "" {
				t.Errorf("%s: %s passes: %v\n%s", engine, name, err, got)
			}
		}
	}
}

// costly says why a plan reads more than it answers; empty if it does not.
func costly(plan string) string {
	for line := range strings.Lines(plan) {
		// SQLite says TEMP B-TREE, PostgreSQL Sort.
		if strings.Contains(line, "TEMP B-TREE FOR ORDER BY") || strings.Contains(line, "Sort") && !strings.Contains(line, "Sort Key") {
			if !strings.Contains(plan, "webhooks") {
				return "sorts"
			}
		}
		if m := regexp.MustCompile(`(?:SCAN|Seq Scan on) (\w+)`).FindStringSubmatch(line); m != nil && isTable(m[1]) && !slices.Contains(small(), m[1]) {
			return "scans " + m[1]
		}
	}
	return ""
}

// isTable leaves out the names of subqueries, constant rows and aliases of what
// a subquery found.
func isTable(name string) bool {
	return slices.Contains([]string{"accounts", "identifiers", "credentials", "links", "flows", "guard_budgets", "sessions", "clients", "assertions", "rules", "revocation_requests",
		"events", "webhook_attempts", "webhook_dead_letters", "old"}, name) || slices.Contains(small(), name)
}

// generatedQueries returns the texts of all queries by their names.
func generatedQueries(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("query/*.sql.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	queries := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile("(?s)= `(-- name: (\\w+) .*?)\n`").FindAllStringSubmatch(string(text), -1) {
			queries[found[2]] = found[1]
		}
	}
	return queries
}

func sqlitePlans(t *testing.T) func(string) (string, error) {
	url := engines["SQLite"](t)
	open(t, url)
	db, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:"))
	must(t, err)
	t.Cleanup(func() { db.Close() })
	return func(text string) (string, error) {
		rows, err := db.Query("EXPLAIN QUERY PLAN "+text, make([]any, parameters(text))...)
		if err != nil {
			return "", err
		}
		defer rows.Close()
		var plan strings.Builder
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				return "", err
			}
			fmt.Fprintln(&plan, detail)
		}
		return plan.String(), rows.Err()
	}
}

// postgresPlans has the planner avoid scans and sorts, so that what is left of
// them is there because no index helps. The plans are generic: those of
// prepared statements, whatever their parameters are.
func postgresPlans(t *testing.T) func(string) (string, error) {
	url := engines["PostgreSQL"](t)
	open(t, url)
	pool, err := sql.Open("pgx", url+"&default_query_exec_mode=simple_protocol")
	must(t, err)
	t.Cleanup(func() { pool.Close() })
	ctx := context.Background()
	db, err := pool.Conn(ctx)
	must(t, err)
	t.Cleanup(func() { db.Close() })
	for _, setting := range []string{"enable_seqscan", "enable_sort", "enable_incremental_sort", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_hashagg"} {
		run(t, db, "SET "+setting+" = off")
	}
	run(t, db, "SET plan_cache_mode = force_generic_plan")
	return func(text string) (string, error) {
		defer db.ExecContext(ctx, "DEALLOCATE ALL") // an error shows at the next PREPARE
		if _, err := db.ExecContext(ctx, "PREPARE one AS "+text); err != nil {
			return "", err
		}
		explain := "EXPLAIN EXECUTE one"
		if n := parameters(text); n > 0 {
			explain += "(" + strings.Repeat("NULL, ", n-1) + "NULL)"
		}
		rows, err := db.QueryContext(ctx, explain)
		if err != nil {
			return "", err
		}
		defer rows.Close()
		var plan strings.Builder
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				return "", err
			}
			fmt.Fprintln(&plan, line)
		}
		return plan.String(), rows.Err()
	}
}

// parameters counts those of a query.
func parameters(text string) int {
	n := 0
	for _, found := range regexp.MustCompile(`\$(\d+)`).FindAllStringSubmatch(text, -1) {
		var i int
		fmt.Sscan(found[1], &i)
		n = max(n, i)
	}
	return n
}

// TestIndexesAreBuiltOnline: a table of a running PostgreSQL stays writable while
// an index is built, and SQLite is given nothing that it does not know.
func TestIndexesAreBuiltOnline(t *testing.T) {
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		if strings.Contains(string(text), "INDEX CONCURRENTLY") {
			t.Errorf("%s: SQLite does not know CONCURRENTLY", file)
		}
		online := sqlstore.Online(string(text))
		creates := regexp.MustCompile(`(?m)^CREATE (UNIQUE )?INDEX \w+ ON`)
		// The first version creates its tables together with their indexes.
		if filepath.Base(file) > "00008" && creates.MatchString(online) && !strings.Contains(string(text), "CREATE TABLE") {
			t.Errorf("%s: %s locks its table", file, creates.FindString(online))
		}
	}
}
