// Command portaria is the authentication service and the tool to run it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/portaria/portaria/internal/admincli"
	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/keycli"
	"github.com/portaria/portaria/internal/workbench"
)

func main() {
	if status, ok := app.HashWorker(os.Args); ok {
		os.Exit(status)
	}
	os.Exit(run(untilSignalled(), os.Args[1:], cli.System()))
}

// untilSignalled returns a context that ends when the process receives a signal
// to stop. A second signal then ends the process at once. serve handles SIGHUP
// itself; see [hangups].
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

// commands is the whole command line.
type commands struct {
	cli.Globals

	ShowVersion kong.VersionFlag `name:"version" help:"Print the version."`

	Serve     serveCommand              `cmd:"" effect:"changes" help:"Run the service."`
	Settings  configCommand             `cmd:"" name:"config" help:"Check and show the settings."`
	Login     admincli.LoginCommand     `cmd:"" effect:"changes" help:"Sign in and print the tokens."`
	Account   admincli.AccountCommand   `cmd:"" help:"Create, list and disable accounts."`
	Guard     admincli.GuardCommand     `cmd:"" help:"Show and clear the failed attempts at an account or from an address."`
	Session   admincli.SessionCommand   `cmd:"" help:"List and end sessions."`
	Client    admincli.ClientCommand    `cmd:"" help:"Register services and apps, and rotate their secrets."`
	Key       keycli.KeyCommand         `cmd:"" help:"Generate, import, rotate and revoke signing keys."`
	Token     workbench.TokenCommand    `cmd:"" help:"Sign, verify, encrypt, decrypt and explain tokens, with keys from files."`
	Revoke    admincli.RevokeCommand    `cmd:"" help:"Revoke tokens and see which verifiers have confirmed it."`
	Verifiers admincli.VerifiersCommand `cmd:"" effect:"reads" help:"List the verifiers that follow the revocation feed, with their lag."`
	Events    admincli.EventsCommand    `cmd:"" effect:"reads" help:"List events, and follow new ones."`
	Webhook   admincli.WebhookCommand   `cmd:"" help:"Send events to services, and check their delivery."`
	Password  passwordCommand           `cmd:"" help:"Measure the cost of password hashes."`
	Backup    keycli.BackupCommand      `cmd:"" effect:"changes" help:"Copy the SQLite database to a new file. The service may run."`
	Version   versionCommand            `cmd:"" effect:"reads" help:"Print the version."`

	Completion completionCommand `cmd:"" effect:"reads" help:"Print a completion script for a shell."`
	Help       helpCommand       `cmd:"" effect:"reads" help:"Print the help of a command."`
}

// newParser returns the parser of the command line.
func newParser(c *commands, flags cli.SettingFlags, s cli.Surroundings, exit func(int)) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("portaria"),
		kong.Description("Self-hosted authentication: accounts, sessions and tokens that can be revoked.\n\n"+
			"Every setting is a flag of every command, a variable PORTARIA_… and a line of the settings file; see docs/config.md."),
		kong.Embed(flags.Target.Interface()),
		kong.Vars{"version": version()},
		kong.Writers(s.Stdout, s.Stderr),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
}

// run executes one command line and returns the exit status.
func run(ctx context.Context, args []string, s cli.Surroundings) int {
	var c commands
	flags := cli.NewSettingFlags()
	exited := -1
	parser, err := newParser(&c, flags, s, func(code int) { exited = code })
	if err != nil {
		fmt.Fprintln(s.Stderr, "portaria:", err)
		return cli.ExitFailed
	}
	if len(args) == 0 {
		_, _ = parser.Parse([]string{"--help"})
		return cli.ExitUsage
	}
	if args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	parsed, err := parser.Parse(args)
	switch {
	case exited >= 0: // --help
		return exited
	case err != nil:
		fmt.Fprintln(s.Stderr, "portaria:", err)
		return cli.ExitUsage
	}
	call := &cli.Call{Context: app.AsOperator(ctx), Surroundings: s, Globals: &c.Globals, Flags: flags}
	if err := call.Confirm(parsed.Selected().Target.Addr().Interface()); err != nil {
		return cli.Report(s, err)
	}
	return cli.Report(s, parsed.Run(call))
}

type helpCommand struct {
	Command []string `arg:"" optional:"" help:"Command to explain, such as account create."`
}

// Run is not reached: run reads "help X" as "X --help".
func (helpCommand) Run(*cli.Call) error { return nil }

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(c *cli.Call) error {
	_, err := fmt.Fprintln(c.Stdout, version())
	return err
}

// version returns the version of the binary.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return "portaria " + info.Main.Version
	}
	return "portaria unknown"
}
