package policy

import (
	"fmt"
	"net/url"
	"strings"
)

// What happens to new passwords when the service of breaches cannot be reached.
const (
	BreachesOff    = "off"
	BreachesOpen   = "open"
	BreachesClosed = "closed"
)

// Limits of the operator's words.
const (
	// MaxWords is the greatest number of them.
	MaxWords = 10_000
	// MaxWord is the greatest length of one, in characters.
	MaxWord = 64
)

// Policy says what new passwords are compared with, besides the embedded list and
// the names of their account. The tags make fields settings.
type Policy struct {
	// Words are further words that new passwords must not be made of: the names of your company, products and places. The host name
	// of `issuer` is always one. Each has 4 to 64 characters.
	Words []string `name:"words"`
	// Breaches compares new passwords with those that were published in breaches, at the service `password_breach_url`. It learns the
	// first five digits of a hash, never a password. With `open`, a password is accepted while the service cannot be reached; with
	// `closed`, it is refused.
	Breaches string `name:"breaches" default:"off" oneof:"off|open|closed"`
	// BreachURL is the service for `password_breaches`: it answers the range protocol of Have I Been Pwned. The five digits are
	// appended to it.
	BreachURL string `name:"breach_url" default:"https://api.pwnedpasswords.com/range/"`
	// BreachFile is a file with the hashes of breached passwords, so that no request leaves your network. Its lines are SHA-1 hashes in
	// hexadecimal, in ascending order, each with or without a colon and a count, as the downloader of Have I Been Pwned writes
	// them. It is searched on disk.
	BreachFile string `name:"breach_file"`
}

// Validate reports what is wrong with p.
func (p Policy) Validate() error {
	if len(p.Words) > MaxWords {
		return fmt.Errorf("words: %d are more than %d", len(p.Words), MaxWords)
	}
	for _, word := range p.Words {
		if n := len([]rune(Fold(word))); n < minContext || n > MaxWord {
			return fmt.Errorf("words: each needs %d to %d characters", minContext, MaxWord)
		}
	}
	if p.Breaches == BreachesOff || p.Breaches == "" {
		return nil
	}
	u, err := url.Parse(p.BreachURL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || !strings.HasSuffix(p.BreachURL, "/") {
		return fmt.Errorf("breach_url: must be an https URL that ends with /")
	}
	return nil
}

// ServiceWords returns the words of a host name that passwords for its service must
// not be made of.
func ServiceWords(issuer string) []string {
	words := []string{"portaria"}
	u, err := url.Parse(issuer)
	if err != nil {
		return words
	}
	labels := strings.Split(u.Hostname(), ".")
	return append(words, labels[:len(labels)-1]...)
}
