package admincli

import (
	"strings"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/cli"
)

const (
	// searchPage is the number of entries that one request of a search returns.
	searchPage = 200
	// searchPages bounds a search. Longer lists want the whole id.
	searchPages = 50
)

// search returns the one id of a list that begins with a text; empty if there is none.
// It reads the whole list, because otherwise the beginning could be ambiguous.
func search(what, beginning string, page func(api.Page) (ids []string, next string, err error)) (string, error) {
	if len(beginning) < cli.MinPrefix || strings.Trim(beginning, "0123456789abcdef-") != "" {
		return "", nil // no beginning of a UUID
	}
	var all []string
	at := api.Page{Limit: searchPage}
	for range searchPages {
		ids, next, err := page(at)
		if err != nil {
			return "", err
		}
		all = append(all, ids...)
		if at.Cursor = next; next == "" {
			id, _, err := cli.Match(what, beginning, all)
			return id, err
		}
	}
	return "", cli.Misuse("there are more than %d %s: give the whole id, which --wide shows", searchPage*searchPages, what)
}
