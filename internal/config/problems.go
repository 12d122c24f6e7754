package config

import (
	"slices"
	"strings"
)

// Problem is one thing that is wrong with the settings.
type Problem struct {
	// Where is a place in the file (portaria.yaml:3), an environment variable, a
	// flag with its dashes, or the name of a setting that was left at its default.
	Where string
	// Text says what is wrong. It never contains the value of a secret.
	Text string
}

// Problems is the error of [Load]: everything that is wrong, at once.
type Problems []Problem

// Error lists the problems, one on each line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Where + ": " + problem.Text
	}
	return strings.Join(lines, "\n")
}

// printable returns a name from outside as it may be shown: one that looks like
// anything else might be a value in the wrong place.
func printable(name string) string {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
	}
	if name == "" || len(name) > 64 || slices.ContainsFunc([]rune(name), odd) {
		return "this name"
	}
	return name
}
