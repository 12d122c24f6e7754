// Package api holds the wire types of the HTTP API: what requests and
// responses look like, and nothing that they do. The struct tags are the
// source of openapi.yaml.
package api

import "time"

// AdminScope is the scope of access tokens that may call the routes for
// administrators.
const AdminScope = "portaria:admin"

// Credentials name an account and prove it. Exactly one of Identifier, Email
// and Username is given; they mean the same.
type Credentials struct {
	Identifier string   `json:"identifier,omitempty" maxLength:"254" doc:"E-mail address or user name." example:"ana@example.com"`
	Email      string   `json:"email,omitempty" maxLength:"254" doc:"Another name for identifier."`
	Username   string   `json:"username,omitempty" maxLength:"254" doc:"Another name for identifier."`
	Password   Password `json:"password" maxLength:"1024" doc:"The password; new ones have 8 to 256 characters." example:"correct horse battery"`
}

// SignIn asks for tokens with credentials.
type SignIn struct {
	Credentials
	Audience string `json:"audience,omitempty" maxLength:"255" doc:"The service that the access token is for: its name in the settings or its client_id, or the issuer's URL. By default the first of the app's audiences, or else Portaria's own." example:"orders"`
	Delivery string `json:"delivery,omitempty" enum:"body,cookie" doc:"Where the tokens go: into the answer (default), or into cookies that no script can read."`
	ClientID string `json:"client_id,omitempty" maxLength:"255" doc:"The registered application that the person uses; one that has a secret proves it with HTTP Basic, one that has a public key with client_assertion. By default Portaria itself." example:"shop-web"`

	ClientAssertion string `json:"client_assertion,omitempty" maxLength:"8192" doc:"A JWT by which the application proves itself with its public key (private_key_jwt, RFC 7523)."`
}

// Refresh spends a refresh token.
type Refresh struct {
	RefreshToken string `json:"refresh_token,omitempty" maxLength:"512" doc:"The refresh token; good for one use. Without it the one in the cookie is spent, if the csrf value is in the header X-CSRF-Token."`
	Audience     string `json:"audience,omitempty" maxLength:"255" doc:"The service that the access token is for, as at sign-in; by default that of the sign-in." example:"orders"`
	Delivery     string `json:"delivery,omitempty" enum:"body,cookie" doc:"Where the tokens go; by default where the refresh token came from. One from a cookie is never answered in the body."`
	ClientID     string `json:"client_id,omitempty" maxLength:"255" doc:"The application that the refresh token was given to, as at sign-in."`

	ClientAssertion string `json:"client_assertion,omitempty" maxLength:"8192" doc:"How an application with a public key proves itself, as at sign-in."`
}

// StepUp proves the password again within a session.
type StepUp struct {
	Password Password `json:"password" maxLength:"1024"`
	Audience string   `json:"audience,omitempty" maxLength:"255" doc:"The service that the access token is for, as at sign-in; by default that of the sign-in." example:"orders"`
	Delivery string   `json:"delivery,omitempty" enum:"body,cookie" doc:"Where the token goes; by default where the access token came from. One from a cookie is never answered in the body."`
}

// Logout says which session ends, when it is not the one of the access token.
type Logout struct {
	RefreshToken string `json:"refresh_token,omitempty" maxLength:"512" doc:"The session's refresh token: enough by itself, also after the access token has expired, and for a token that only its service can read. Without it, the access token or the cookies say which session ends."`
}

// PasswordChange replaces the password.
type PasswordChange struct {
	CurrentPassword Password `json:"current_password" maxLength:"1024"`
	NewPassword     Password `json:"new_password" maxLength:"256" doc:"8 to 256 characters."`
}

// PasswordPolicy says which new passwords are accepted.
type PasswordPolicy struct {
	MinLength int      `json:"min_length" doc:"In characters (Unicode code points after NFC)."`
	MaxLength int      `json:"max_length" doc:"In characters."`
	Refused   []string `json:"refused" nullable:"false" doc:"The codes of the problems that a password of this length can have." example:"password_common"`
}

// PasswordCheck asks whether a new password would be accepted.
type PasswordCheck struct {
	Identifier string `json:"identifier,omitempty" maxLength:"254" doc:"The identifier of its account, which need not exist."`
	Password   string `json:"password" maxLength:"1024"`
}

// NewPassword is a password that an administrator sets for an account.
type NewPassword struct {
	ID       string   `json:"-" path:"id" doc:"A UUID."`
	Password Password `json:"password" maxLength:"256" doc:"8 to 256 characters."`
}

// EndSessions ends several of the caller's sessions.
type EndSessions struct {
	Which string `json:"which" enum:"others,all" doc:"others keeps the session that asks."`
}

// ID names one account or session in a path.
type ID struct {
	ID string `json:"-" path:"id" doc:"A UUID."`
}

// Page asks for part of a list.
type Page struct {
	Cursor string `json:"-" query:"cursor" doc:"next_cursor of the page before."`
	Limit  int    `json:"-" query:"limit" doc:"How many to answer: 1 to 200, by default 50."`
}

// AccountPage asks for part of the list of accounts.
type AccountPage struct {
	Page
	Identifier string `json:"-" query:"identifier" doc:"Only the account with this identifier."`
}

// SessionPage asks for part of the list of sessions.
type SessionPage struct {
	Page
	AccountID string `json:"-" query:"account_id" doc:"Only sessions of this account."`
}

// Tokens is the answer to a sign-in or refresh. It follows RFC 6749 §5.1.
type Tokens struct {
	// AccessToken and RefreshToken are empty when they were set as cookies.
	AccessToken string `json:"access_token,omitempty" doc:"A JWT (RFC 9068) for the Authorization header; for other audiences in the form that their settings say. Absent when it is in a cookie."`
	TokenType   string `json:"token_type" enum:"Bearer"`
	ExpiresIn   int64  `json:"expires_in" doc:"Seconds until the access token expires."`
	// RefreshToken is empty after a step-up: the session keeps the one it has.
	RefreshToken     string `json:"refresh_token,omitempty" doc:"Good for one use."`
	RefreshExpiresIn int64  `json:"refresh_expires_in,omitempty" doc:"Seconds until the session ends unless it is refreshed."`
	SessionID        string `json:"session_id"`
	CSRF             string `json:"csrf,omitempty" doc:"With cookies alone: the same for the whole session. Pages send it in the header X-CSRF-Token with every request that is not GET, and keep it where all tabs see it, such as localStorage."`
	Fresh            bool   `json:"fresh" doc:"Whether a password was proved just now."`
}

// Created names what was made.
type Created struct {
	ID string `json:"id" doc:"A random UUID."`
}

// Me is the caller.
type Me struct {
	Account Account `json:"account"`
	Session Session `json:"session"`
}

// Account is a person who can sign in.
type Account struct {
	ID                string     `json:"id"`
	Identifier        string     `json:"identifier"`
	CreatedAt         time.Time  `json:"created_at"`
	PasswordChangedAt time.Time  `json:"password_changed_at"`
	DisabledAt        *time.Time `json:"disabled_at,omitempty"`
}

// Session is one sign-in on one device.
type Session struct {
	ID         string    `json:"id"`
	AccountID  string    `json:"account_id"`
	Identifier string    `json:"identifier,omitempty" doc:"The account's identifier."`
	ClientID   string    `json:"client_id"`
	Parent     string    `json:"parent,omitempty" doc:"The session that this one came from, which ends it too. Absent for none."`
	CreatedAt  time.Time `json:"created_at" doc:"When the account signed in."`
	AuthTime   time.Time `json:"auth_time" doc:"When a password was last proved."`
	UsedAt     time.Time `json:"used_at" doc:"When the session was last refreshed."`
	ExpiresAt  time.Time `json:"expires_at" doc:"When the session ends unless it is refreshed."`
	Address    string    `json:"address" doc:"Client address at used_at."`
	UserAgent  string    `json:"user_agent" doc:"User agent at used_at."`
	Current    bool      `json:"current" doc:"Whether it is the session that asks."`
}

// Sessions is a list of sessions.
type Sessions struct {
	Sessions   []Session `json:"sessions" nullable:"false"`
	NextCursor string    `json:"next_cursor,omitempty" doc:"Absent on the last page."`
}

// Accounts is a list of accounts.
type Accounts struct {
	Accounts   []Account `json:"accounts" nullable:"false"`
	NextCursor string    `json:"next_cursor,omitempty" doc:"Absent on the last page."`
}

// Ended says how many sessions were ended.
type Ended struct {
	Ended int `json:"ended"`
}

// Health is the answer of the health routes.
type Health struct {
	Status string            `json:"status" enum:"ok,unavailable"`
	Checks map[string]string `json:"checks,omitempty"`
	// Panics is worth an alarm: the log has the stack of each.
	Panics int64 `json:"panics,omitempty" doc:"How often work beside requests has panicked since the start, and was begun again."`
}

// Problem is every error answer (RFC 9457).
type Problem struct {
	Type   string `json:"type" doc:"A URI that names the kind of problem."`
	Title  string `json:"title" doc:"The kind of problem in words."`
	Status int    `json:"status"`
	// Code is stable: programs decide by it.
	Code      string         `json:"code" doc:"Stable name of the kind of problem, for programs."`
	Detail    string         `json:"detail,omitempty" doc:"What the caller can do."`
	RequestID string         `json:"request_id,omitempty" doc:"Finds the request in the operator's log."`
	Errors    []ProblemField `json:"errors,omitempty" doc:"One entry a field at fault."`
}

// ProblemField says what is wrong with one part of the input. It never
// repeats the value.
type ProblemField struct {
	Field  string `json:"field" doc:"Name of the field at fault."`
	Detail string `json:"detail"`
}

// Error makes a Problem an error for Go callers.
func (p *Problem) Error() string {
	s := p.Code + ": " + p.Title
	if p.Detail != "" {
		s += ": " + p.Detail
	}
	for _, e := range p.Errors {
		s += "; " + e.Field + ": " + e.Detail
	}
	return s
}

// Metadata is the authorization server's description of itself (RFC 8414).
type Metadata struct {
	Issuer                 string   `json:"issuer"`
	JWKSURI                string   `json:"jwks_uri"`
	ServiceDocumentation   string   `json:"service_documentation,omitempty"`
	RevocationEndpoint     string   `json:"revocation_endpoint,omitempty"`
	IntrospectionEndpoint  string   `json:"introspection_endpoint,omitempty"`
	RevocationFeed         string   `json:"revocation_feed_endpoint,omitempty" doc:"The feed that verifiers follow for revocations."`
	ResponseTypesSupported []string `json:"response_types_supported" nullable:"false"`
	GrantTypesSupported    []string `json:"grant_types_supported" nullable:"false"`

	TokenEndpoint                       string   `json:"token_endpoint"`
	TokenEndpointAuthMethodsSupported   []string `json:"token_endpoint_auth_methods_supported" nullable:"false"`
	TokenEndpointAuthAlgorithmSupported []string `json:"token_endpoint_auth_signing_alg_values_supported" nullable:"false"`
}
