package main

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/portaria/portaria/internal/cli"
)

// leaves returns the commands that do something, by their path.
func leaves(t *testing.T) map[string]*kong.Node {
	t.Helper()
	found := map[string]*kong.Node{}
	for _, node := range commandNodes(model(t)) {
		if node.Leaf() {
			found[strings.TrimPrefix(node.FullPath(), "portaria ")] = node
		}
	}
	return found
}

// TestEveryCommandSaysWhatItDoes wants a mark on every command: it reads, it changes
// something, or it destroys something. Exactly the destructive ones ask for confirmation.
func TestEveryCommandSaysWhatItDoes(t *testing.T) {
	for path, node := range leaves(t) {
		effect := node.Tag.Get("effect")
		if !slices.Contains([]string{"reads", "changes", "destroys"}, effect) {
			t.Errorf("%s: effect:%q in its tag is not reads, changes or destroys", path, effect)
		}
		_, asks := node.Target.Addr().Interface().(cli.Destructive)
		if asks != (effect == "destroys") {
			t.Errorf("%s is marked %q; it asks for confirmation: %t", path, effect, asks)
		}
		if strings.HasSuffix(path, " delete") && effect != "destroys" {
			t.Errorf("%s deletes and is marked %q", path, effect)
		}
	}
}

// TestDestructiveCommandsWantYes runs every destructive command without a terminal. None
// may start: there is no service here, and another error would come first.
func TestDestructiveCommandsWantYes(t *testing.T) {
	destroying := map[string][]string{"key rotate-secret": {"--now"}} // the flags with which it destroys
	for path, node := range leaves(t) {
		if node.Tag.Get("effect") != "destroys" {
			continue
		}
		args := append(strings.Fields(path), arguments(node)...)
		status, out := runCommand(t, "", append(args, destroying[path]...)...)
		if status != cli.ExitUsage || !strings.Contains(out, "confirm with --yes") {
			t.Errorf("%s: status %d, %s", path, status, out)
		}
	}
}

// arguments makes up the positional arguments that a command requires.
func arguments(node *kong.Node) (args []string) {
	for _, p := range node.Positional {
		switch {
		case !p.Required:
		case p.Enum != "":
			args = append(args, strings.Split(p.Enum, ",")[0])
		default:
			args = append(args, "something")
		}
	}
	return args
}

// runCommand runs a command line in an empty directory and returns its status and output.
func runCommand(t *testing.T, stdin string, args ...string) (int, string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("stdin", []byte(stdin), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open("stdin")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out bytes.Buffer
	s := cli.System()
	s.Stdin, s.Stdout, s.Stderr = in, &out, &out
	return run(t.Context(), args, s), out.String()
}

// TestSecretsComeFromStandardInput wants every argument and flag that takes a token or a
// secret to take it from standard input or a file as well.
func TestSecretsComeFromStandardInput(t *testing.T) {
	// What only sounds like a secret.
	harmless := map[string]string{
		"key export --secret": "the encoding of a secret in a file", "key import --secret": "the encoding of a secret in a file",
		"token verify --secret": "the encoding of a secret in a file", "token sign --secret": "the encoding of a secret in a file",
		"token encrypt --secret": "the encoding of a secret in a file", "token decrypt --secret": "the encoding of a secret in a file",
	}
	secret := regexp.MustCompile(`(?i)token|secret|password|passphrase|assertion|credential`)
	found := 0
	check := func(path, name, input string) {
		if !secret.MatchString(name) || strings.HasSuffix(name, "-file") || harmless[path+" "+name] != "" {
			return
		}
		if found++; input != "stdin" {
			t.Errorf(`%s: %s may take a secret, and is not marked input:"stdin"`, path, name)
		}
	}
	for path, node := range leaves(t) {
		for _, p := range node.Positional {
			check(path, p.Name, p.Tag.Get("input"))
			if p.Tag.Get("input") != "stdin" {
				continue
			}
			for _, given := range [][]string{nil, {"-"}} {
				status, out := runCommand(t, "", append(strings.Fields(path), given...)...)
				if status != cli.ExitUsage || !strings.Contains(out, "standard input") {
					t.Errorf("%s %v does not read standard input: status %d, %s", path, given, status, out)
				}
			}
		}
		for _, flag := range node.Flags {
			if flag.Value.Target.Kind().String() != "bool" && !flag.Hidden { // hidden flags are settings
				check(path, "--"+flag.Name, flag.Tag.Get("input"))
			}
		}
	}
	if found == 0 {
		t.Error("no command takes a token: the pattern finds nothing")
	}
}

// TestVersionAndHelp runs both forms of each.
func TestVersionAndHelp(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"--version"}} {
		if status, out := runCommand(t, "", args...); status != 0 || !strings.HasPrefix(out, "portaria ") {
			t.Errorf("%v: status %d, %s", args, status, out)
		}
	}
	for _, args := range [][]string{{"help", "account", "delete"}, {"account", "delete", "--help"}} {
		if status, out := runCommand(t, "", args...); status != 0 || !strings.Contains(out, "--yes") {
			t.Errorf("%v: status %d, %s", args, status, out)
		}
	}
}

// TestKeyKillIsRevokeKey compares the two names of one command.
func TestKeyKillIsRevokeKey(t *testing.T) {
	all := leaves(t)
	kill, revoke := all["key kill"], all["revoke key"]
	if kill.Target.Type() != revoke.Target.Type() || kill.Help != revoke.Help || kill.Detail != revoke.Detail {
		t.Errorf("key kill (%s: %s) is not revoke key (%s: %s)", kill.Target.Type(), kill.Help, revoke.Target.Type(), revoke.Help)
	}
}
