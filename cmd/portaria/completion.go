package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/portaria/portaria/internal/cli"
)

type completionCommand struct {
	Shell string `arg:"" help:"Shell: ${enum}." enum:"bash,zsh,fish"`
}

// Help says how to install the script.
func (completionCommand) Help() string {
	return "Load the script when the shell starts. For bash and zsh: source <(portaria completion bash), with the name of your shell. " +
		"For fish: portaria completion fish | source."
}

// Run prints the completion script of a shell.
func (a completionCommand) Run(c *cli.Call, k *kong.Context) error {
	_, err := io.WriteString(c.Stdout, completion(a.Shell, k.Model.Node))
	return err
}

// completion returns a script that completes the names of commands and flags. It
// is made of names from the model only, which hold no character that a shell reads.
func completion(shell string, root *kong.Node) string {
	var paths []string
	var words [][2]string
	for _, node := range commandNodes(root) {
		path := strings.TrimPrefix(node.FullPath(), root.Name)
		if path != "" {
			paths = append(paths, path)
		}
		words = append(words, [2]string{path, strings.Join(nextWords(node), " ")})
	}
	if shell == "fish" {
		return fishCompletion(paths, words)
	}
	return bashCompletion(shell, paths, words)
}

// nextWords are what may follow a command: its commands and its flags.
func nextWords(node *kong.Node) (words []string) {
	for _, child := range node.Children {
		if child.Type == kong.CommandNode && !child.Hidden {
			words = append(words, child.Name)
		}
	}
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			words = append(words, "--"+flag.Name)
		}
	}
	return words
}

func bashCompletion(shell string, paths []string, words [][2]string) string {
	var b strings.Builder
	if shell == "zsh" {
		b.WriteString("autoload -U +X bashcompinit && bashcompinit\n")
	}
	b.WriteString("_portaria() {\n  local path=\"\" words=\"\" i\n  for ((i = 1; i < COMP_CWORD; i++)); do\n    case \"$path ${COMP_WORDS[i]}\" in\n")
	fmt.Fprintf(&b, "      \"%s\") path=\"$path ${COMP_WORDS[i]}\" ;;\n    esac\n  done\n  case \"$path\" in\n", strings.Join(paths, `" | "`))
	for _, w := range words {
		fmt.Fprintf(&b, "    \"%s\") words=\"%s\" ;;\n", w[0], w[1])
	}
	b.WriteString("  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\ncomplete -o default -F _portaria portaria\n")
	return b.String()
}

func fishCompletion(paths []string, words [][2]string) string {
	var b strings.Builder
	b.WriteString("function __portaria_words\n  set -l path \"\"\n  for word in (commandline -opc)[2..]\n    switch \"$path $word\"\n")
	fmt.Fprintf(&b, "      case \"%s\"\n        set path \"$path $word\"\n    end\n  end\n  switch \"$path\"\n", strings.Join(paths, `" "`))
	for _, w := range words {
		fmt.Fprintf(&b, "    case \"%s\"\n      string split \" \" -- \"%s\"\n", w[0], w[1])
	}
	b.WriteString("  end\nend\ncomplete -c portaria -a \"(__portaria_words)\"\n")
	return b.String()
}
