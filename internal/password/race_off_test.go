//go:build !race

package password_test

// dearest is how many times the cheapest refusal the dearest one may cost.
const dearest = 2
