package setting

import (
	"slices"
	"strings"

	"github.com/portaria/portaria/internal/config/suggest"
	"github.com/portaria/portaria/internal/config/yamlfile"
)

// Problem is one thing that is wrong with the settings. Where is a line of the file
// (portaria.yaml:3), an environment variable, a flag with its dashes, or the name of
// a setting that has its default value.
type Problem = yamlfile.Problem

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

// resembles returns the name that was most likely meant by an unknown one.
func resembles(unknown string, names []string) (meant string, ok bool) {
	prefix := strings.ToLower(EnvPrefix)
	return suggest.Name(strings.TrimPrefix(strings.ToLower(strings.ReplaceAll(unknown, "-", "_")), prefix), names)
}
