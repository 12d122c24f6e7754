package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/config"
)

type configCommand struct {
	Check configCheck `cmd:"" effect:"reads" help:"Read and check all settings without starting the service."`
	Show  configShow  `cmd:"" effect:"reads" help:"Print the effective settings with their sources. Secrets are hidden."`
}

// load reads the settings and prints a warning for each unusual one.
func (configCommand) load(c *cli.Call) (config.Loaded, error) {
	var failed error
	loaded, err := c.SettingsWith(func(p config.Problem) {
		if _, err := fmt.Fprintf(c.Stderr, "warning: %s: %s\n", p.Where, p.Text); err != nil {
			failed = err
		}
	})
	if err == nil {
		err = failed
	}
	return loaded, err
}

type configCheck struct{}

// Run reports whether the service would accept its settings.
func (configCheck) Run(c *cli.Call) error {
	loaded, err := configCommand{}.load(c)
	if err != nil {
		return err
	}
	if c.JSON {
		return cli.AsJSON(c.Stdout, map[string]any{"valid": true, "file": loaded.File})
	}
	text := "the settings are valid; no settings file"
	if loaded.File != "" {
		text = "the settings are valid; settings file " + loaded.File
	}
	_, err = fmt.Fprintln(c.Stdout, text)
	return err
}

type configShow struct{}

// Run prints one line per setting, which is also a line of a settings file.
func (configShow) Run(c *cli.Call) error {
	loaded, err := configCommand{}.load(c)
	if err != nil {
		return err
	}
	if c.JSON {
		return cli.AsJSON(c.Stdout, map[string]any{"file": loaded.File, "settings": loaded.Effective})
	}
	lines := tabwriter.NewWriter(c.Stdout, 0, 0, 2, ' ', 0)
	for _, e := range loaded.Effective {
		fmt.Fprintf(lines, "%s\t# %s\n", e.Line(), e.Source)
	}
	return lines.Flush()
}
