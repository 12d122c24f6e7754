package sqlstore

// sqlc is pinned in a module of its own, because its dependencies (parsers of
// four databases) would be more than all of ours. The second line notes what
// the code was made from, so that a test can tell without building sqlc.
//go:generate go -C ../../../tools/sqlc tool sqlc generate -f ../../internal/store/sqlstore/sqlc.yaml
//go:generate go test -count=1 -run ^TestGeneratedCodeIsCurrent$ . -update
