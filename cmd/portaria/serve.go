package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/serve"
	"golang.org/x/term"
)

type serveCommand struct{}

// Help lists all settings, after the help of the command.
func (serveCommand) Help() string { return "Settings, as flags:\n\n" + config.Usage() }

// Run serves until the process receives a signal to stop.
func (serveCommand) Run(c *cli.Call) error {
	hup, stop := hangups()
	defer stop()
	var unusual []config.Problem
	loaded, err := c.SettingsWith(func(p config.Problem) { unusual = append(unusual, p) })
	if err != nil {
		return err
	}
	// A closed log pipe must not end the service.
	signal.Ignore(syscall.SIGPIPE)
	level := new(slog.LevelVar)
	log, lines := newLog(c.Surroundings, loaded.Config, level)
	if loaded.File != "" {
		log.Info("settings file read", "file", loaded.File)
	}
	for _, p := range unusual {
		log.Warn("unusual setting", "where", p.Where, "problem", p.Text)
	}
	r := &reloader{call: c, log: log, level: level, started: loaded, hangups: hup}
	return errors.Join(runService(c, r), lines.Close())
}

// runService runs the service, which r reloads.
func runService(c *cli.Call, r *reloader) error {
	settings, log := r.started.Config, r.log
	tendMemory(c)
	// The address is bound before the app is built, which needs to know it. Until
	// the app is there, requests wait a little or get 503.
	early := newStarting()
	how := serveConfig(settings, log)
	how.Panicked, how.HeaderTooLarge = early.panicked, early.headerTooLarge
	server, err := serve.Listen(how, early)
	if err != nil {
		return err
	}
	issuer := settings.IssuerURL(server.Addr())
	ctx, stop := context.WithCancel(c)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	giveUp := func() error {
		stop()
		return <-ended
	}
	a, err := app.Open(c, app.Env{
		Config:      settings,
		Issuer:      issuer,
		HashWorkers: true,
		Log:         log,
		Now:         time.Now,
	})
	if c.Err() != nil { // it was stopped while it waited for the database
		if a != nil {
			err = a.Close()
		}
		log.Info("stopped before it served")
		return errors.Join(giveUp(), unless(context.Canceled, err))
	}
	if err != nil {
		return errors.Join(err, giveUp())
	}
	if err := greet(c.Surroundings, a.Made, reachable(settings, server.Addr())); err != nil {
		return errors.Join(err, giveUp(), a.Close())
	}
	early.ends(a.API)
	r.server, r.app = server, a
	log.Info("serving", "address", server.Addr().String(), "issuer", issuer, "database", settings.Database.String())
	context.AfterFunc(c, func() {
		early.leave()
		log.Info("stopping: requests may still finish", "delay", settings.ShutdownDelay.String(), "grace", settings.ShutdownGrace.String())
	})
	if err := runUntilDone(c, r, ended); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// runUntilDone waits for the end of the server, then closes the database, which
// requests under way still use. Upkeep continues until then for their sake:
// without it, keys stop signing within a minute.
func runUntilDone(ctx context.Context, r *reloader, ended <-chan error) error {
	upkeep, stop := context.WithCancel(context.WithoutCancel(ctx))
	idle := r.app.Upkeep(upkeep)
	reloading := make(chan struct{})
	go func() {
		defer close(reloading)
		r.run(ctx)
	}()
	err := <-ended
	stop()
	<-idle
	<-reloading
	return errors.Join(err, r.app.Close())
}

func serveConfig(c config.Config, log *slog.Logger) serve.Config {
	return serve.Config{
		Listen:         c.Listen,
		CertFile:       c.TLSCertFile,
		KeyFile:        c.TLSKeyFile,
		HTTPS:          strings.HasPrefix(c.Issuer, "https://"),
		TrustedProxies: c.TrustedProxies,
		ProxyHeader:    serve.ProxyHeader(c.ProxyHeader),
		SlowRequest:    c.SlowRequest,
		ShutdownDelay:  c.ShutdownDelay,
		ShutdownGrace:  c.ShutdownGrace,
		Log:            log,
	}
}

// reachable returns the URL for this machine, also if the system chose the port.
func reachable(c config.Config, bound net.Addr) string {
	host, port, err := net.SplitHostPort(c.Listen)
	if _, chosen, _ := net.SplitHostPort(bound.String()); err == nil && port == "0" {
		c.Listen = net.JoinHostPort(host, chosen)
	}
	return cli.BaseURL("", c)
}

// unless returns err, or nil if all of it is expected.
func unless(expected, err error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// newLog writes text to a terminal and JSON elsewhere. A log call never waits for the
// reader of the log. level can be changed later. The caller closes lines at the end.
func newLog(s cli.Surroundings, c config.Config, level *slog.LevelVar) (log *slog.Logger, lines *serve.Log) {
	level.Set(c.Level())
	file, isFile := s.Stderr.(*os.File)
	terminal := isFile && term.IsTerminal(int(file.Fd()))
	handler := func(to io.Writer) slog.Handler {
		options := &slog.HandlerOptions{Level: level}
		if c.LogFormat == "text" || c.LogFormat == "auto" && terminal {
			return slog.NewTextHandler(to, options)
		}
		return slog.NewJSONHandler(to, options)
	}
	lines = serve.NewLog(s.Stderr, func(n int64) []byte {
		var line bytes.Buffer
		slog.New(handler(&line)).Error("log lines dropped: the log was not read in time", "lines", n)
		return line.Bytes()
	})
	return slog.New(handler(lines)), lines
}

// greet prints what a first start created and what to try next. It writes once, so
// that a program that waits for the text reads all of it.
func greet(s cli.Surroundings, made app.Made, base string) error {
	var text strings.Builder
	for _, line := range []struct{ what, name string }{
		{"made database", made.Database},
		{"made master key", made.MasterKey},
		{"made signing key", made.SigningKey},
	} {
		if line.name != "" {
			fmt.Fprintf(&text, "%-17s %s\n", line.what, line.name)
		}
	}
	fmt.Fprintf(&text, "Portaria answers at %s\n", base)
	if made.SigningKey != "" {
		fmt.Fprintf(&text, "\nSign up, in another terminal:\n"+
			"  curl -H 'Content-Type: application/json' -d '{\"identifier\":\"ana@example.com\",\"password\":\"correct horse battery\"}' %s/v1/accounts\n", base)
	}
	_, err := io.WriteString(s.Stdout, text.String())
	return err
}
