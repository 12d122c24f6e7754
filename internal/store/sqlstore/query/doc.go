// Package query is what sqlc makes of sqlstore's SQL: one method a statement,
// the same text for SQLite and PostgreSQL. Change ../queries or ../migrations
// and run go generate, never these files.
package query
