package config

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/token"
)

// maxAudience is the greatest length of the name of an audience, in bytes.
const maxAudience = 255

// errPairs does not show what was given instead: it may be part of a key.
var errPairs = errors.New("must be audience=value, separated by white space; a JWK within has none")

// ServiceKey is the public key that tokens for a service are encrypted to, or
// where the service publishes it. Exactly one of the two is set.
type ServiceKey struct {
	// JWK is the key itself, as JSON. It has no private half.
	JWK string
	// URL is the address of the service's key set: https, or http on this
	// machine.
	URL string
}

// ParseServiceKey reads a public JWK (or key set) or the URL of a key set. Its
// errors do not contain the text, which may hold a private key.
func ParseServiceKey(text string) (ServiceKey, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return parseServiceJWK([]byte(text))
	}
	address, err := url.Parse(text)
	switch {
	case err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http":
		return ServiceKey{}, errors.New("must be a public JWK, or the https URL of a key set")
	case address.Scheme == "http" && !loopback(address.Hostname()):
		return ServiceKey{}, errors.New("must be an https URL: on the way, anybody could exchange the key for his own")
	case address.User != nil || address.Fragment != "":
		return ServiceKey{}, errors.New("must be a URL without user, password and fragment")
	}
	return ServiceKey{URL: text}, nil
}

func parseServiceJWK(jwk []byte) (ServiceKey, error) {
	set, err := jose.ParseKeySet(jwk)
	if err != nil {
		return ServiceKey{}, err
	}
	if slices.ContainsFunc(set.Keys(), jose.Key.Private) {
		return ServiceKey{}, errors.New("is a private key, which the service alone may know: make another, and give its public half")
	}
	key, err := set.NamedEncryptionKey()
	if err != nil {
		return ServiceKey{}, err
	}
	return ServiceKey{JWK: string(key.PublicJWK())}, nil
}

// setPairs reads name=value pairs into a map.
func setPairs(field reflect.Value, items []string) error {
	if field.Type() == reflect.TypeFor[map[string]token.Profile]() {
		return assignPairs(field, items, parseProfile)
	}
	return assignPairs(field, items, ParseServiceKey)
}

func assignPairs[V any](field reflect.Value, items []string, parse func(string) (V, error)) error {
	pairs, err := parsePairs(items, parse)
	if err == nil {
		field.Set(reflect.ValueOf(pairs))
	}
	return err
}

func parseProfile(text string) (token.Profile, error) {
	all := []string{string(token.AccessToken), string(token.PlainJWT), string(token.Flask)}
	chosen, err := Setting{Choices: all}.parseChoice(text)
	return token.Profile(chosen), err
}

// parsePairs finds everything that is wrong. A name is shown only when all of
// them look like names.
func parsePairs[V any](items []string, parse func(string) (V, error)) (map[string]V, error) {
	for _, item := range items {
		if name, _, ok := strings.Cut(item, "="); !ok || !isAudience(name) {
			return nil, errPairs
		}
	}
	pairs := map[string]V{}
	var wrong []string
	for _, item := range items {
		name, text, _ := strings.Cut(item, "=")
		value, err := parse(text)
		if _, twice := pairs[name]; twice {
			err = errors.New("is given more than once")
		}
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", name, err))
		}
		pairs[name] = value
	}
	if len(wrong) > 0 {
		return nil, errors.New(strings.Join(wrong, "; "))
	}
	return pairs, nil
}

// isAudience reports whether text can name an audience: the characters of names
// and URLs, and nothing that a fragment of a JWK would have.
func isAudience(text string) bool {
	odd := func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"{}\\<>^`|=", r)
	}
	return text != "" && len(text) <= maxAudience && !strings.ContainsFunc(text, odd)
}

// checkAudiences refuses what Portaria could not read itself.
func (l *loader) checkAudiences() {
	if _, own := l.config.AudienceEncryption[l.config.Audience]; own {
		l.complain("audience_encryption", l.config.Audience+" is this service's own audience: "+
			"it must read these tokens itself, and could not if they were encrypted to somebody else's key")
	}
}
