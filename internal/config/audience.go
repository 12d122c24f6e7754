package config

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/portaria/portaria/internal/jose"
)

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
		return ServiceKey{}, errors.New("must be an https URL: with http, others on the network could replace the key")
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
		return ServiceKey{}, errors.New("is a private key, which only the service may know: make another one, and give its public half")
	}
	key, err := set.NamedEncryptionKey()
	if err != nil {
		return ServiceKey{}, err
	}
	return ServiceKey{JWK: string(key.PublicJWK())}, nil
}

// UnmarshalText is [ParseServiceKey].
func (k *ServiceKey) UnmarshalText(text []byte) (err error) {
	*k, err = ParseServiceKey(string(text))
	return err
}

// MarshalText returns the JWK or the URL. Both are public.
func (k ServiceKey) MarshalText() ([]byte, error) { return []byte(cmp.Or(k.JWK, k.URL)), nil }

// checkAudiences refuses to encrypt tokens that Portaria must read itself.
func (l *loader) checkAudiences() {
	if _, own := l.config.AudienceEncryption[l.config.Audience]; own {
		l.Reject("audience_encryption", l.config.Audience+" is the audience of this service itself: "+
			"it must read these tokens, and cannot if they are encrypted to another key")
	}
}
