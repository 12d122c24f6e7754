// Command chaos runs issuers and a hundred verifiers as processes of their own,
// breaks what can break between and under them, and finds out whether every
// revocation that was acknowledged is refused by every verifier within the
// bound.
package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

// main is the process of some verifiers; the suite itself is a test, which
// brings the database.
func main() {
	text := flag.String("role", "", "what the verifiers of this process follow, as JSON")
	flag.Parse()
	var r role
	if err := json.Unmarshal([]byte(*text), &r); err != nil {
		fmt.Fprintln(os.Stderr, "chaos: run `make chaos`:", err)
		os.Exit(2)
	}
	if err := runVerifiers(context.Background(), r, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// masterKey is a new one.
func masterKey() string {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return base64.StdEncoding.EncodeToString(key)
}
