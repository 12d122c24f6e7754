// Package api has the wire types of the HTTP API: requests and responses, without
// behaviour. The struct tags are the source of openapi.yaml.
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
	Audience string `json:"audience,omitempty" maxLength:"255" doc:"The service that the access token is for: its name in the settings, its client_id, or the issuer's URL. The default is the first audience of the app, or Portaria itself if it has none." example:"orders"`
	Delivery string `json:"delivery,omitempty" enum:"body,cookie" doc:"Where the tokens are returned: in the body (default), or in cookies that scripts cannot read."`
	ClientID string `json:"client_id,omitempty" maxLength:"255" doc:"The registered application that the person uses. An application with a secret authenticates with HTTP Basic; one with a public key sends client_assertion. The default is Portaria itself." example:"shop-web"`

	ClientAssertion string `json:"client_assertion,omitempty" maxLength:"8192" doc:"A JWT that authenticates an application with a public key (private_key_jwt, RFC 7523)."`

	Device string `json:"device,omitempty" maxLength:"55" doc:"The device token that an earlier sign-in on this device returned. Browsers have it in a cookie."`
}

// Refresh exchanges a refresh token for new tokens.
type Refresh struct {
	RefreshToken string `json:"refresh_token,omitempty" maxLength:"512" doc:"The refresh token, which can be used once. Without it the refresh token of the cookie is used; the header X-CSRF-Token must then have the csrf value."`
	Audience     string `json:"audience,omitempty" maxLength:"255" doc:"The service that the access token is for, as at sign-in. The default is the audience of the sign-in." example:"orders"`
	Delivery     string `json:"delivery,omitempty" enum:"body,cookie" doc:"Where the tokens are returned. The default is where the refresh token came from. After a refresh token in a cookie, body is refused."`
	ClientID     string `json:"client_id,omitempty" maxLength:"255" doc:"The application that the refresh token was issued to, as at sign-in."`

	ClientAssertion string `json:"client_assertion,omitempty" maxLength:"8192" doc:"A JWT that authenticates an application with a public key, as at sign-in."`
}

// StepUp proves the password again within a session.
type StepUp struct {
	Password Password `json:"password" maxLength:"1024"`
	Audience string   `json:"audience,omitempty" maxLength:"255" doc:"The service that the access token is for, as at sign-in. The default is the audience of the sign-in." example:"orders"`
	Delivery string   `json:"delivery,omitempty" enum:"body,cookie" doc:"Where the token is returned. The default is where the access token came from. After an access token in a cookie, body is refused."`
}

// Logout names the session that ends, when it is not the session of the access token.
type Logout struct {
	RefreshToken string `json:"refresh_token,omitempty" maxLength:"512" doc:"The refresh token of the session that ends. No access token is needed with it. Without it, the access token or the cookies name the session."`
}

// PasswordChange replaces the caller's password.
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
	ID       string   `json:"-" path:"id" format:"uuid" doc:"A UUID."`
	Password Password `json:"password" maxLength:"256" doc:"8 to 256 characters."`
}

// EndSessions ends several of the caller's sessions.
type EndSessions struct {
	Which string `json:"which" enum:"others,all" doc:"others keeps the session of the caller; all ends it too."`
}

// ID names an account or a session in a path.
type ID struct {
	ID string `json:"-" path:"id" format:"uuid" doc:"A UUID."`
}

// Page asks for a part of a list.
type Page struct {
	Cursor string `json:"-" query:"cursor" doc:"next_cursor of the previous page."`
	Limit  int    `json:"-" query:"limit" minimum:"1" maximum:"200" doc:"The number of items to return: 1 to 200. The default is 50."`
}

// AccountPage asks for a part of the list of accounts.
type AccountPage struct {
	Page
	Identifier string `json:"-" query:"identifier" doc:"Only the account with this identifier."`
}

// SessionPage asks for a part of the list of sessions.
type SessionPage struct {
	Page
	AccountID string `json:"-" query:"account_id" format:"uuid" doc:"Only the sessions of this account."`
}

// Tokens is the response to a sign-in or a refresh. It follows RFC 6749 §5.1.
type Tokens struct {
	// AccessToken and RefreshToken are empty when they are in cookies.
	AccessToken string `json:"access_token,omitempty" doc:"A JWT for the Authorization header. Its profile is RFC 9068, unless the audience has another one. Absent when it is in a cookie."`
	TokenType   string `json:"token_type" enum:"Bearer"`
	ExpiresIn   int64  `json:"expires_in" doc:"Seconds until the access token expires."`
	// RefreshToken is empty after a step-up: the one of the session stays valid.
	RefreshToken     string `json:"refresh_token,omitempty" doc:"Can be used once."`
	RefreshExpiresIn int64  `json:"refresh_expires_in,omitempty" doc:"Seconds until the session expires if it is not refreshed."`
	SessionID        string `json:"session_id"`
	// Device is empty when it is in a cookie, and after a refresh.
	Device string `json:"device,omitempty" doc:"The device token. An app that stores it and sends it with the next sign-in is not slowed down when strangers guess at the account. It does not sign anybody in."`
	CSRF   string `json:"csrf,omitempty" doc:"Only with cookies. It stays the same for the whole session. Pages send it in the header X-CSRF-Token with every request except GET. Store it where all tabs can read it, such as localStorage."`
	Fresh  bool   `json:"fresh" doc:"Whether the password was proved for this token."`
}

// Created has the id of a new object.
type Created struct {
	ID string `json:"id" doc:"A random UUID."`
}

// Me is the account and the session of the caller.
type Me struct {
	Account Account `json:"account"`
	Session Session `json:"session"`
	// PasswordAdvice is found out at each sign-in.
	PasswordAdvice string `json:"password_advice,omitempty" doc:"Why the password should be changed: the code of the problem that a new password like it would have. Absent if it need not be." example:"password_common"`
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
	Parent     string    `json:"parent,omitempty" doc:"The session that this session came from. When the parent ends, this session ends too. Absent without a parent."`
	CreatedAt  time.Time `json:"created_at" doc:"When the account signed in."`
	AuthTime   time.Time `json:"auth_time" doc:"When the password was last proved."`
	UsedAt     time.Time `json:"used_at" doc:"When the session was last refreshed."`
	ExpiresAt  time.Time `json:"expires_at" doc:"When the session expires if it is not refreshed."`
	Address    string    `json:"address" doc:"Address of the client at used_at."`
	UserAgent  string    `json:"user_agent" doc:"User agent of the client at used_at."`
	Current    bool      `json:"current" doc:"Whether it is the session of the caller."`
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

// Ended reports how many sessions were ended.
type Ended struct {
	Ended int `json:"ended"`
}

// Health is the response of the health routes.
type Health struct {
	Status string            `json:"status" enum:"ok,unavailable"`
	Checks map[string]string `json:"checks,omitempty"`
	// Panics should raise an alarm; the log has the stack of each.
	Panics int64 `json:"panics,omitempty" doc:"How often a background task panicked and was restarted since the process started."`
}

// Problem is the body of an error response (RFC 9457).
type Problem struct {
	Type   string `json:"type" doc:"A URI of the kind of problem: urn:portaria:problem: and the code."`
	Title  string `json:"title" doc:"What failed, for people."`
	Status int    `json:"status"`
	// Code is stable: programs decide by it.
	Code      string         `json:"code" doc:"What failed, for programs. Codes do not change. docs/reference/problems.md describes each."`
	Detail    string         `json:"detail,omitempty" doc:"What the caller can do."`
	RequestID string         `json:"request_id,omitempty" doc:"Id of the request in the operator's log."`
	Errors    []ProblemField `json:"errors,omitempty" doc:"One entry for each invalid field."`
}

// ProblemField says what is wrong with one field of the input. It never repeats
// the value.
type ProblemField struct {
	Field  string `json:"field" doc:"Name of the invalid field, such as target.id or list[0].a; (body) for the whole body."`
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

// Metadata describes the authorization server (RFC 8414).
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
