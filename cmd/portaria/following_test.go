package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/portaria/portaria/verify"
)

// followers are the services of a guide that follow what is revoked. They
// start when the guide has written down their secret.
type followers struct {
	client, file string
	count        int
}

// follow has services follow the guide that is played next, as soon as it has
// put the secret of their client into a file: follow CLIENT FILE COUNT
func follow(ts *testscript.TestScript, neg bool, args []string) {
	count, err := strconv.Atoi(args[2])
	ts.Check(err)
	the(ts).followers = &followers{client: args[0], file: ts.MkAbs(args[1]), count: count}
}

// start starts the services once their secret is there, and returns when all of
// them know the log.
func (f *followers) start(ts *testscript.TestScript) {
	if f == nil || f.count == 0 {
		return
	}
	secret, err := os.ReadFile(f.file)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	ts.Check(err)
	for ; f.count > 0; f.count-- {
		f.one(ts, strings.TrimSpace(string(secret)))
	}
}

func (f *followers) one(ts *testscript.TestScript, secret string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	v, err := verify.New(ctx, verify.Config{
		Issuer: ts.Getenv("URL"), Audience: "orders", ClientID: f.client, ClientSecret: verify.Secret(secret),
		Log: slog.New(slog.DiscardHandler),
	})
	ts.Check(err)
	ts.Defer(v.Close)
	ts.Check(until(10*time.Second, func() error {
		if v.Stats().Feed != verify.FeedCurrent {
			return errors.New("it does not know the log")
		}
		return v.Health()
	}))
}
