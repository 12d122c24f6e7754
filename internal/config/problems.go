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

// nearest returns the setting that was most likely meant by an unknown name.
func nearest(unknown string, settings []Setting) (best Setting, ok bool) {
	name := strings.TrimPrefix(strings.ToLower(strings.ReplaceAll(unknown, "-", "_")), strings.ToLower(envPrefix))
	distance := 3
	for _, setting := range settings {
		if d := editDistance(name, setting.Name, distance); d < distance {
			best, distance, ok = setting, d, true
		}
	}
	return best, ok
}

// editDistance is Levenshtein's, or limit if that is less.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], limit)
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
