package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

//go:generate go test . -run ^TestGenerated -update

// commandNodes lists a command and all commands under it, in the order of the model.
func commandNodes(node *kong.Node) []*kong.Node {
	all := []*kong.Node{node}
	for _, child := range node.Children {
		if child.Type == kong.CommandNode && !child.Hidden {
			all = append(all, commandNodes(child)...)
		}
	}
	return all
}

// reference writes docs/reference/cli.md from the model of the command line.
func reference(root *kong.Node) string {
	var b strings.Builder
	b.WriteString("# Commands\n\nGenerated from the command line itself by `go generate ./cmd/portaria`. " +
		"`portaria help COMMAND` prints the same.\nEvery setting of [config.md](../config.md) is also a flag of every command.\n")
	b.WriteString("\nExit status: 0 success, 1 failure, 2 wrong usage or settings.\n" +
		"\nTables fit 100 columns: ids are short, and long texts end with …. `--wide` shows all, and `--json` is for programs. Commands accept " +
		"the\nbeginning of the id of an account, session, webhook or key, of at least four characters, if it is unambiguous.\n" +
		"\nA destructive command deletes data or secrets, or ends the tokens or sessions of more than one account. It asks for confirmation " +
		"at a\nterminal and requires `--yes` elsewhere.\n\n## Flags of every command\n")
	writeFlags(&b, root)
	for _, node := range commandNodes(root)[1:] {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", node.FullPath(), node.Help)
		if node.Leaf() {
			fmt.Fprintf(&b, "\n    %s\n", strings.TrimSpace(node.Summary()))
		}
		// The help of serve lists the settings, which docs/config.md has.
		if node.Detail != "" && node.Name != "serve" {
			fmt.Fprintf(&b, "\n%s\n", node.Detail)
		}
		writeFlags(&b, node)
	}
	return b.String()
}

func writeFlags(b *strings.Builder, node *kong.Node) {
	visible := func(f *kong.Flag) bool { return !f.Hidden }
	if !slices.ContainsFunc(node.Flags, visible) && len(node.Positional) == 0 {
		return
	}
	cell := strings.NewReplacer("|", `\|`, "\n", " ")
	b.WriteString("\n| argument or flag | meaning |\n|---|---|\n")
	for _, p := range node.Positional {
		fmt.Fprintf(b, "| `%s` | %s |\n", cell.Replace(p.Summary()), cell.Replace(p.Help))
	}
	for _, f := range node.Flags {
		if visible(f) {
			fmt.Fprintf(b, "| `%s` | %s |\n", cell.Replace(f.String()), cell.Replace(f.Help))
		}
	}
}
