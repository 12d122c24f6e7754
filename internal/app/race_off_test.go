//go:build !race

package app_test

// crowded is how many verifiers start at once.
const crowded = 1000
