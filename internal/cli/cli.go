// Package cli is shared by all commands: their settings, their connection to the
// service, and how they print, ask and report errors.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/config"
)

// Surroundings are the inputs and outputs of the process.
type Surroundings struct {
	environ []string
	Stdin   *os.File
	Stdout  io.Writer
	Stderr  io.Writer
}

// System returns the surroundings of this process.
func System() Surroundings {
	return Surroundings{os.Environ(), os.Stdin, os.Stdout, os.Stderr}
}

// Exit statuses, for scripts.
const (
	exitOK     = 0
	ExitFailed = 1
	ExitUsage  = 2
)

// Report prints an error for people and returns the exit status.
func Report(s Surroundings, err error) int {
	var settings config.Problems
	var answer *api.Problem
	var usage UsageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &settings):
		fmt.Fprintln(s.Stderr, "portaria: the settings are invalid:")
		fmt.Fprintln(s.Stderr, settings)
		return ExitUsage
	case errors.As(err, &usage):
		fmt.Fprintln(s.Stderr, "portaria:", Plainly(err.Error()))
		return ExitUsage
	case errors.As(err, &answer):
		fmt.Fprintln(s.Stderr, "portaria:", answer)
		return ExitFailed
	}
	fmt.Fprintln(s.Stderr, "portaria:", Plainly(err.Error()))
	return ExitFailed
}

// Globals are the flags of every command.
type Globals struct {
	Config string `help:"Settings file (YAML); by default portaria.yaml in the working directory, if it exists." placeholder:"FILE"`
	URL    string `help:"URL of the service (default: the address it listens on)." env:"PORTARIA_URL" placeholder:"URL"`
	JSON   bool   `help:"Print JSON, for programs."`
	Wide   bool   `help:"Print tables in full: all columns, whole ids, nothing cut to fit 100 columns."`
}

// Call is one run of a command.
type Call struct {
	context.Context
	Surroundings
	*Globals
	Flags SettingFlags
}

// Settings reads the settings from all sources.
func (c *Call) Settings() (config.Config, error) {
	loaded, err := c.SettingsWith(nil)
	return loaded.Config, err
}

// SettingsWith reads the settings and calls warn for each unusual one.
func (c *Call) SettingsWith(warn func(config.Problem)) (config.Loaded, error) {
	return config.Read(config.Sources{
		Warn:           warn,
		File:           c.Config,
		DefaultFile:    config.DefaultFile,
		Environ:        c.environ,
		Flags:          c.Flags.Given(),
		OtherVariables: []string{"PORTARIA_URL"},
	})
}
