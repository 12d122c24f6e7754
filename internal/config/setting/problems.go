package setting

import (
	"slices"
	"strings"
)

// Problem is one thing that is wrong with the settings.
type Problem struct {
	// Where is a line of the file (portaria.yaml:3), an environment variable, a
	// flag with its dashes, or the name of a setting that has its default value.
	Where string
	// Text says what is wrong. It never contains the value of a secret.
	Text string
}

// Problems is an error: everything that is wrong with the settings, at once.
type Problems []Problem

// Error lists the problems, one on each line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Where + ": " + problem.Text
	}
	return strings.Join(lines, "\n")
}

// isPrintable reports whether a name from outside may be shown. A name that
// looks like anything else might be a secret in the wrong position.
func isPrintable(name string) bool {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
	}
	return name != "" && len(name) <= 64 && !slices.ContainsFunc([]rune(name), odd)
}

// printable returns a name from outside as it may be shown.
func printable(name string) string {
	if !isPrintable(name) {
		return "this name"
	}
	return name
}
