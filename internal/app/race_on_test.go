//go:build race

package app_test

// crowded is how many verifiers start at once. The race detector makes each of
// them cost ten times as much.
const crowded = 150
