//go:build race

package password_test

// dearest is how many times the cheapest refusal the dearest one may cost. The race
// detector slows bcrypt, which is Go, eight times, and Argon2, which is assembly, not at
// all. Without the levelling, the ratio is above 20 with it.
const dearest = 14
