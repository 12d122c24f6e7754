// Package login joins accounts, passwords, sessions and tokens into what
// people do: sign in, refresh, step up, sign out, change the password.
package login
