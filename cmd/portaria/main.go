// Command portaria is the authentication service and the tool to run it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/config"
)

func main() {
	if status, ok := app.HashWorker(os.Args); ok {
		os.Exit(status)
	}
	os.Exit(run(untilSignalled(), os.Args[1:], system()))
}

// untilSignalled ends when the process is told to stop. From then on a signal
// does what it does to any program: a second one does not wait for requests.
func untilSignalled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		signals = append(signals, syscall.SIGHUP)
	}
	signalled, stop := signal.NotifyContext(ctx, signals...)
	context.AfterFunc(signalled, func() {
		stop()
		cancel()
	})
	return ctx
}

// surroundings are what the program takes from its process.
type surroundings struct {
	environ []string
	in      *os.File
	out     io.Writer
	err     io.Writer
}

func system() surroundings {
	return surroundings{os.Environ(), os.Stdin, os.Stdout, os.Stderr}
}

// Exit statuses, for scripts.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// commands is the whole command line.
type commands struct {
	Config string `help:"Settings file (YAML); by default portaria.yaml in the working directory, if it exists." placeholder:"FILE"`
	URL    string `help:"Where the service is; by default the address it listens on." env:"PORTARIA_URL" placeholder:"URL"`
	JSON   bool   `help:"Answer in JSON, for programs."`

	ShowVersion kong.VersionFlag `name:"version" help:"Print the version."`

	Serve     serveCommand     `cmd:"" help:"Run the service."`
	Settings  configCommand    `cmd:"" name:"config" help:"Check and show the settings."`
	Login     loginCommand     `cmd:"" help:"Sign in and print the tokens."`
	Account   accountCommand   `cmd:"" help:"Create, list and bar accounts."`
	Session   sessionCommand   `cmd:"" help:"See who is logged in, and end sessions."`
	Client    clientCommand    `cmd:"" help:"Register services and apps, and rotate their secrets."`
	Key       keyCommand       `cmd:"" help:"Make, import, rotate and kill signing keys."`
	Token     tokenCommand     `cmd:"" help:"Sign, verify, encrypt, decrypt and explain tokens, with keys from files."`
	Revoke    revokeCommand    `cmd:"" help:"Take tokens back, and see how far that has come."`
	Verifiers verifiersCommand `cmd:"" help:"List the services that follow revocations, and how far behind each is."`
	Events    eventsCommand    `cmd:"" help:"See what happened, and follow what happens."`
	Webhook   webhookCommand   `cmd:"" help:"Send events to services, and see how that goes."`
	Backup    backupCommand    `cmd:"" help:"Copy the SQLite database to a new file, also while the service runs."`
	Version   versionCommand   `cmd:"" help:"Print the version."`
}

// run executes one command line and answers the exit status.
func run(ctx context.Context, args []string, s surroundings) int {
	var c commands
	flags := newSettingFlags()
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("portaria"),
		kong.Description("Self-hosted authentication: accounts, sessions, tokens that can be taken back.\n\n"+
			"Every setting is a flag of each command, a variable PORTARIA_… and a line of the settings file; see docs/config.md."),
		kong.Embed(flags.target.Interface()),
		kong.Vars{"version": version()},
		kong.Writers(s.out, s.err),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		fmt.Fprintln(s.err, "portaria:", err)
		return exitFailed
	}
	if len(args) == 0 {
		// Who names no command wants to know which there are.
		_, _ = parser.Parse([]string{"--help"})
		return exitUsage
	}
	parsed, err := parser.Parse(args)
	switch {
	case exited >= 0: // --help
		return exited
	case err != nil:
		fmt.Fprintln(s.err, "portaria:", err)
		return exitUsage
	}
	return report(s, parsed.Run(&call{app.AsOperator(ctx), s, &c, flags}))
}

// report prints an error so that a person knows what to do next.
func report(s surroundings, err error) int {
	var settings config.Problems
	var answer *api.Problem
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &settings):
		fmt.Fprintln(s.err, "portaria: the settings need attention:")
		fmt.Fprintln(s.err, settings)
		return exitUsage
	case errors.As(err, &usage):
		fmt.Fprintln(s.err, "portaria:", plainly(err.Error()))
		return exitUsage
	case errors.As(err, &answer):
		fmt.Fprintln(s.err, "portaria:", answer)
		return exitFailed
	}
	fmt.Fprintln(s.err, "portaria:", plainly(err.Error()))
	return exitFailed
}

// call is one run of a command.
type call struct {
	context.Context
	surroundings
	*commands
	flags settingFlags
}

// settings reads the settings from all sources.
func (c *call) settings() (config.Config, error) {
	loaded, err := c.settingsWith(nil)
	return loaded.Config, err
}

// settingsWith reads the settings and calls warn for what is unusual about them.
func (c *call) settingsWith(warn func(config.Problem)) (config.Loaded, error) {
	return config.Read(config.Sources{
		Warn:           warn,
		File:           c.Config,
		DefaultFile:    config.DefaultFile,
		Environ:        c.environ,
		Flags:          c.flags.given(),
		OtherVariables: []string{"PORTARIA_URL"},
	})
}

type versionCommand struct{}

// Run prints what was built.
func (versionCommand) Run(c *call) error {
	_, err := fmt.Fprintln(c.out, version())
	return err
}

// version says what was built.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return "portaria " + info.Main.Version
	}
	return "portaria unknown"
}
