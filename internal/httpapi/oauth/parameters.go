package oauth

import (
	"slices"
	"strings"
)

// clientParameters authenticate a client, on every OAuth route.
func clientParameters() []string {
	return []string{"client_id", "client_secret", "client_assertion", "client_assertion_type"}
}

// tokenParameters are the other parameters of the token endpoint.
func tokenParameters() []string {
	return []string{"grant_type", "scope", mayRepeat, audienceParameter, "refresh_token"}
}

// aboutToken are the other parameters of revocation and introspection.
func aboutToken() []string { return []string{"token", "token_type_hint"} }

// audienceParameter is another name for resource, which many libraries use
// (RFC 8693 §2.1, and services that predate RFC 8707).
const audienceParameter = "audience"

// refusedParameters change what a token can be used for, and Portaria does not support
// them. RFC 6749 §3.2 says that a server ignores unknown parameters. But then the client
// would get a token with more power than it asked for, or for another person.
func refusedParameters() map[string]string {
	const (
		target   = "Name the service in resource (RFC 8707) or audience."
		exchange = "Token exchange (RFC 8693) is not supported."
		person   = "A token is for the client itself, or for the person of the refresh token."
		bound    = "Sender-constrained tokens are not supported."
		lifetime = "The registration of the client decides how long tokens live."
		details  = "Rich authorization requests (RFC 9396) are not supported."
	)
	return map[string]string{
		"aud": target, "audiences": target, "resources": target, "resource_indicator": target, "resource_server": target,
		"subject_token": exchange, "subject_token_type": exchange, "actor_token": exchange, "actor_token_type": exchange,
		"requested_token_type": exchange, "requested_subject": exchange,
		"username": person, "password": person, "assertion": person, "sub": person,
		"dpop_jkt": bound, "req_cnf": bound, "cnf": bound,
		"expires_in": lifetime, "lifetime": lifetime, "requested_expiry": lifetime,
		"authorization_details": details, "claims": "Clients cannot ask for single claims.",
	}
}

// only refuses parameters that the route does not read although the client expects it:
// those of refusedParameters, those of the other OAuth routes, and misspelt ones, such
// as "scopes", "resource[]" or "clientId". All others are ignored (RFC 6749 §3.2).
func (f oauthForm) only(read ...string) error {
	own := slices.Concat(read, clientParameters())
	all := slices.Concat(tokenParameters(), aboutToken(), clientParameters())
	refused := refusedParameters()
	for name := range f {
		if slices.Contains(own, name) {
			continue
		}
		if advice, ok := refused[name]; ok {
			return invalidRequest("The parameter " + name + " is not supported. " + advice)
		}
		for _, known := range all {
			if spelling(name) != spelling(known) {
				continue
			}
			if !slices.Contains(own, known) {
				return invalidRequest("The parameter " + known + " is not supported here.")
			}
			return invalidRequest("A parameter is misspelt. Its name is " + known + ".")
		}
	}
	return nil
}

// spelling returns the same text for different spellings of one name.
func spelling(name string) string {
	name, _, _ = strings.Cut(name, "[") // resource[] and resource[0]
	name = strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name))
	return strings.TrimSuffix(name, "s")
}
