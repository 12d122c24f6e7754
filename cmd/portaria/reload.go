package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"syscall"

	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/serve"
)

// hangups returns a channel of SIGHUP signals, which no longer end the process,
// also when their sender is a terminal that closes.
func hangups() (signals <-chan os.Signal, stop func()) {
	signal.Ignore(syscall.SIGHUP) // untilSignalled must not receive it any more
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}

// reloader applies changed settings to the running service when the process
// receives SIGHUP. A failed reload changes nothing and is logged.
type reloader struct {
	call    *cli.Call
	log     *slog.Logger
	level   *slog.LevelVar
	started config.Loaded // the settings of the start
	hangups <-chan os.Signal
	server  *serve.Server
	app     *app.App
}

// reloadable lists the settings that a reload applies.
func reloadable() []string { return []string{"log_level", "clients"} }

// run reloads at each signal, until ctx ends.
func (r *reloader) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.hangups:
			r.app.Guard(ctx, "reload settings", func() { r.reload(ctx) })
		}
	}
}

func (r *reloader) reload(ctx context.Context) {
	loaded, err := r.call.SettingsWith(func(p config.Problem) {
		r.log.WarnContext(ctx, "unusual setting", "where", p.Where, "problem", p.Text)
	})
	if err != nil {
		r.log.ErrorContext(ctx, "settings not reloaded: the old ones stay in use", "error", err)
		return
	}
	if err := r.server.ReloadCertificate(); err != nil {
		r.log.ErrorContext(ctx, "certificate not reloaded, the old one stays in use", "error", err)
	}
	if err := r.app.SyncClients(ctx, loaded.Clients); err != nil {
		r.log.ErrorContext(ctx, "settings not reloaded: the old ones stay in use", "error", err)
		return
	}
	r.level.Set(loaded.Level())
	if names := changed(r.started.Effective, loaded.Effective); len(names) > 0 {
		r.log.WarnContext(ctx, "restart the service to apply changed settings", "settings", names)
	}
	r.log.InfoContext(ctx, "settings reloaded", "file", loaded.File)
}

// changed returns the names of settings that differ and that a reload does not
// apply.
func changed(before, after []config.Effective) (names []string) {
	for i, e := range after {
		if !slices.Contains(reloadable(), e.Name) && !reflect.DeepEqual(e.Value, before[i].Value) {
			names = append(names, e.Name)
		}
	}
	return names
}
