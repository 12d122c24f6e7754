package api

// RevocationRequest is the form of RFC 7009 §2.1.
type RevocationRequest struct {
	Token         string `json:"token" doc:"An access token or a refresh token of the client."`
	TokenTypeHint string `json:"token_type_hint,omitempty" doc:"access_token or refresh_token. The hint is ignored."`
	ClientProof
}

// IntrospectionRequest is the form of RFC 7662 §2.1.
type IntrospectionRequest struct {
	Token         string `json:"token" doc:"An access token or a refresh token."`
	TokenTypeHint string `json:"token_type_hint,omitempty" doc:"access_token or refresh_token. The hint is ignored."`
	ClientProof
}

// Introspection is the response of RFC 7662 §2.2. A token that is not active has
// only active: false.
type Introspection struct {
	Active    bool     `json:"active"`
	TokenType string   `json:"token_type,omitempty" doc:"access_token or refresh_token."`
	Issuer    string   `json:"iss,omitempty"`
	Subject   string   `json:"sub,omitempty"`
	Audience  []string `json:"aud,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	Scope     string   `json:"scope,omitempty"`
	SessionID string   `json:"sid,omitempty"`
	Root      string   `json:"root,omitempty" doc:"The session at the top of the chain that sid came from. Absent for a session without a parent."`
	ID        string   `json:"jti,omitempty"`
	IssuedAt  int64    `json:"iat,omitempty"`
	NotBefore int64    `json:"nbf,omitempty"`
	ExpiresAt int64    `json:"exp,omitempty"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	AMR       []string `json:"amr,omitempty" doc:"How the person authenticated (RFC 8176)."`
	ACR       string   `json:"acr,omitempty" doc:"aal1 after the proof of one credential, aal2 after proofs of different kinds."`
	Revision  int64    `json:"rvs,omitempty"`
}
