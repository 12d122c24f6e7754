package main

import (
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/config"
)

// parse reads arguments as every command does.
func parse(t *testing.T, args ...string) (map[string]string, error) {
	t.Helper()
	var c commands
	flags := cli.NewSettingFlags()
	parser, err := kong.New(&c, kong.Embed(flags.Target.Interface()), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return flags.Given(), err
}

func TestEverySettingIsAFlagOfEveryCommand(t *testing.T) {
	for _, command := range [][]string{{"serve"}, {"account", "list"}, {"session", "list"}, {"login", "ana"}} {
		for _, s := range config.Settings() {
			if s.NoFlag {
				continue
			}
			value, arg := "some text", "--"+s.Flag()+"=some text"
			if s.Kind == config.Bool {
				value, arg = "true", "--"+s.Flag()
			}
			got, err := parse(t, append(command, arg)...)
			if err != nil {
				t.Errorf("%v %s: %v", command, arg, err)
			}
			if diff := cmp.Diff(map[string]string{s.Flag(): value}, got); diff != "" {
				t.Errorf("%v %s: %s", command, arg, diff)
			}
		}
	}
}

func TestFlagsNotGivenAreNotSet(t *testing.T) {
	got, err := parse(t, "serve")
	if err != nil || len(got) != 0 {
		t.Errorf("got %v, %v; want none", got, err)
	}
}

func TestFlagsGivenAsNothing(t *testing.T) {
	// Empty and false are values: they win over a file that says otherwise.
	got, err := parse(t, "serve", "--issuer=", "--insecure-http=false", "--trusted-proxies=10.0.0.0/8,192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"issuer": "", "insecure-http": "false", "trusted-proxies": "10.0.0.0/8,192.0.2.1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestTheMasterKeyIsNoFlag: everybody on the machine may read the arguments.
func TestTheMasterKeyIsNoFlag(t *testing.T) {
	if got, err := parse(t, "serve", "--master-key=secret"); err == nil {
		t.Errorf("it was taken: %v", got)
	}
}
