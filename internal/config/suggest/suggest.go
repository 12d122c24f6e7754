// Package suggest finds the name that was meant by an unknown one, and recognises
// variables that Kubernetes sets.
package suggest

import (
	"regexp"
	"slices"
	"strings"
)

// kubernetesPort is the end of the variables that Kubernetes derives from each
// port of a Service.
var kubernetesPort = regexp.MustCompile(`(^|_)PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$`)

// FromKubernetes reports whether Kubernetes set a variable: it describes each
// Service to each container, so a Service "portaria" or "portaria-db" sets
// variables with our prefix. rest is the name of the variable without the prefix.
func FromKubernetes(rest, value string) bool {
	ends := func(word string) bool { return rest == word || strings.HasSuffix(rest, "_"+word) }
	switch {
	case ends("SERVICE_HOST"), ends("SERVICE_PORT"), kubernetesPort.MatchString(rest):
		return true
	case strings.HasPrefix(rest, "SERVICE_PORT_"), strings.Contains(rest, "_SERVICE_PORT_"):
		return true
	case ends("PORT"):
		return slices.ContainsFunc([]string{"tcp://", "udp://", "sctp://"}, func(scheme string) bool { return strings.HasPrefix(value, scheme) })
	}
	return false
}

// Name returns the name that was most likely meant by an unknown one: one
// with a typing error, or one with some words more or fewer, as in DATABASE_URL,
// TLS_CERT and ACCESS_TOKEN_TTL.
func Name(unknown string, names []string) (meant string, ok bool) {
	unknown = strings.ToLower(strings.ReplaceAll(unknown, "-", "_"))
	distance := 3
	for _, name := range names {
		// In a short name, two typing errors leave nothing to recognise.
		limit := min(distance, 1+len(name)/3)
		if d := editDistance(unknown, name, limit); d < limit {
			meant, distance, ok = name, d, true
		}
	}
	if ok {
		return meant, true
	}
	for _, name := range names {
		if sameWords(unknown, name) {
			return name, true
		}
	}
	return "", false
}

// sameWords reports whether a name is that of a setting with an ending that people
// add, or without _file, or whether one has all words of the other, at least two.
func sameWords(name, setting string) bool {
	for _, ending := range []string{"_url", "_uri", "_dsn", "_path", "_address", "_value"} {
		if name == setting+ending {
			return true
		}
	}
	if setting == name+"_file" {
		return true
	}
	words, wanted := strings.Split(name, "_"), strings.Split(setting, "_")
	return min(len(words), len(wanted)) >= 2 && (within(words, wanted) || within(wanted, words))
}

// within reports that all words of a list are in another, in this order.
func within(few, many []string) bool {
	i := 0
	for _, word := range many {
		if i < len(few) && few[i] == word {
			i++
		}
	}
	return i == len(few)
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
