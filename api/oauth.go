package api

// AssertionType is the client_assertion_type of private_key_jwt (RFC 7523 §2.2).
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Grant types of the token endpoint.
const (
	GrantClientCredentials = "client_credentials"
	GrantRefreshToken      = "refresh_token"
)

// TokenRequest is the form of the token endpoint (RFC 6749 §4.4.2 and §6).
type TokenRequest struct {
	GrantType    string `json:"grant_type" enum:"client_credentials,refresh_token"`
	Scope        string `json:"scope,omitempty" doc:"Scopes, separated by spaces. The default is all scopes of the client."`
	Resource     string `json:"resource,omitempty" doc:"The service that the access token is for (RFC 8707): one of the client's audiences. The default is the first." example:"orders"`
	Audience     string `json:"audience,omitempty" doc:"Another name for resource."`
	RefreshToken string `json:"refresh_token,omitempty" doc:"For the grant type refresh_token."`
	ClientProof
}

// ClientProof authenticates a client in a form. HTTP Basic is the other way (RFC
// 6749 §2.3.1). A request uses one of them.
type ClientProof struct {
	ClientID            string `json:"client_id,omitempty"`
	ClientSecret        string `json:"client_secret,omitempty"`
	ClientAssertionType string `json:"client_assertion_type,omitempty" doc:"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"`
	ClientAssertion     string `json:"client_assertion,omitempty" doc:"A JWT signed with the client's registered key (RFC 7523). iss and sub are the client_id, aud is the issuer, exp is at most five minutes ahead, and jti is new for each request."`
}

// Granted is the response of the token endpoint (RFC 6749 §5.1).
type Granted struct {
	AccessToken  string `json:"access_token" doc:"A JWT (RFC 9068)."`
	TokenType    string `json:"token_type" enum:"Bearer"`
	ExpiresIn    int64  `json:"expires_in" doc:"Seconds until the access token expires."`
	RefreshToken string `json:"refresh_token,omitempty" doc:"Can be used once."`
	Scope        string `json:"scope,omitempty" doc:"The granted scopes, separated by spaces."`
}

// OAuthError is an error response of the OAuth routes (RFC 6749 §5.2).
type OAuthError struct {
	// Code is stable: programs decide by it.
	Code        string `json:"error" doc:"What failed, for programs (RFC 6749 §5.2)."`
	Description string `json:"error_description,omitempty" doc:"What the caller can do."`
}

// Error makes it an error for Go callers.
func (e *OAuthError) Error() string { return e.Code + ": " + e.Description }
